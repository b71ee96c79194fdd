"""Two runs on the same data beside each other: paired differences, and what changed case by case."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tamis.core.errors import BadInput

from ..variant import Variant
from .columns import Columns, metric_of_figure
from .planned import Planned
from .report import RunInfo, Verdict

if TYPE_CHECKING:
    from .measured import Measured, Pair

SCHEMA = "tamis-comparison/1"
_CHANGES = 20
_KINDS = ("strengths", "control")


class Change(NamedTuple):
    """One case whose figure is another in the second run; None where it was not scored."""

    figure: str
    variant: str
    case: str
    before: float | None
    after: float | None


@dataclass(frozen=True)
class RunDifference:
    """The second run minus the first, over the ``n`` cases scored in both; ``before`` and ``after`` are their means.

    ``p_holm`` is corrected over the variants of the figure. ``improved``, ``worsened``, ``same``: how many cases (rose,
    fell and stayed where no direction is better); ``lost`` and ``gained`` were scored in the first or the second alone.
    ``p_lost`` is that of so many more lost than gained (McNemar's exact test, one-sided), corrected in the same way;
    ``too_many_lost`` says that it is below what the confidence leaves to chance. ``changes`` has the cases that
    changed, up to 20, the worst first.
    """

    figure: str
    variant: str
    is_measured: bool
    n: int
    before: float | None
    after: float | None
    mean: float | None
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    smallest_detectable: float | None
    verdict: Verdict
    improved: int
    worsened: int
    same: int
    lost: int
    gained: int
    p_lost: float
    too_many_lost: bool
    changes: tuple[Change, ...] = ()

    @property
    def got_worse(self) -> bool:
        """Whether the second run cannot pass for as good: its cases are worse, or too many of them were lost."""
        return self.verdict == "worse" or bool(self.loss)

    @property
    def loss(self) -> str:
        """In one line, why the cases that were lost count; "" where they do not.

        More than chance brings count, and any that were lost where too few are left to compare.
        """
        too_few = self.verdict == "not enough data" and self.lost > 0
        if not (self.too_many_lost or too_few):
            return ""
        why = "more than chance" if self.too_many_lost else "too few are left to compare"
        counted = f"{self.lost} of {self.n + self.lost} cases scored in A are not scored in B, {self.gained} only in B"
        return f"{counted} (p = {self.p_lost:.3g}): {why}"


@dataclass(frozen=True)
class Comparison:
    """Two runs, ``a`` first. ``not_comparable`` says what was left out or what to be careful with, and why.

    ``is_measured`` marks figures that clocks and meters gave.
    """

    a: RunInfo
    b: RunInfo
    differences: tuple[RunDifference, ...]
    not_comparable: tuple[str, ...] = ()

    @property
    def worse(self) -> list[RunDifference]:
        """What got worse or lost too many cases, apart from what clocks and meters gave."""
        return [one for one in self.differences if one.got_worse and not one.is_measured]

    def to_json(self) -> dict[str, Any]:
        """As JSON, "schema" first."""
        written = asdict(self)
        for one, found in zip(written["differences"], self.differences, strict=True):
            one["changes"] = [change._asdict() for change in found.changes]
        return {"schema": SCHEMA, **written}


def compare(a: Path, b: Path, *, figures: Sequence[str] | None = None) -> Comparison:
    """The run in ``b`` against the run in ``a``, paired by case; ``figures`` are those to compare, else all of both.

    Raises BadInput where the runs are of different data, where a folder holds no run, and for a figure that neither
    has.
    """
    return Runs.read(a, b).comparison(figures)


class Runs:
    """Two runs' numbers, held to be compared."""

    def __init__(self, a: Columns, b: Columns) -> None:
        self.a, self.b = a.planned, b.planned
        _check_same_data(a, b)
        self._columns = a, b
        self.notes, self._variants = _comparable(self.a, self.b)
        self.notes += [
            f"the run of {side} is not finished: {records} of {expected} records are there"
            for side, one in (("A", a), ("B", b))
            if (records := sum(one.records.values())) < (expected := one.planned.run.data.cases * len(one.records))
        ]

    @classmethod
    def read(cls, a: Path, b: Path) -> "Runs":
        """The runs in two folders. Raises BadInput."""
        from ..run.journal import records

        return cls(*(Columns.of(records(folder), Planned.read(folder)) for folder in (a, b)))

    def comparison(self, figures: Sequence[str] | None = None) -> Comparison:
        """The differences, in the order of the first run. Raises BadInput for a figure that is not in both."""
        notes = list(self.notes)
        found: list[RunDifference] = []
        for is_measured, a, b in self._tables():
            both = self._figures(a, b, notes)
            wanted = [name for name in both if figures is None or name in figures]
            found += [one for name in wanted for one in self._differences(a, b, name, is_measured)]
        known = {one.figure for one in found}
        for name in figures or ():
            if name not in known:
                raise BadInput(f'the two runs have no figure "{name}" in common; they have: {", ".join(self.common)}')
        return Comparison(self.a.run, self.b.run, tuple(found), tuple(notes))

    @property
    def common(self) -> list[str]:
        """Names of the figures that can be compared."""
        return [name for _, a, b in self._tables() for name in self._figures(a, b, [])]

    def changes(self, figures: Sequence[str] | None = None) -> Iterator[Change]:
        """Every case that changed, figure by figure."""
        for _, a, b in self._tables():
            for figure in self._figures(a, b, []):
                if figures is None or figure in figures:
                    for variant in self._variants:
                        yield from _changes(a, b, figure, variant)

    def _tables(self) -> "Iterator[tuple[bool, Measured, Measured]]":
        from .measured import Measured

        a, b = self._columns
        yield False, Measured(a, a.outcomes), Measured(b, b.outcomes)
        yield True, Measured(a, a.timings), Measured(b, b.timings)

    def _figures(self, a: "Measured", b: "Measured", notes: list[str]) -> list[str]:
        both = []
        for name in [*a.figures, *(name for name in b.figures if name not in a.figures)]:
            metric = metric_of_figure(name)
            if name not in a.figures or name not in b.figures:
                notes.append(f"{name}: only in {'A' if name in a.figures else 'B'}")
            elif self.a.metrics.get(metric) != self.b.metrics.get(metric):
                notes.append(f"{name}: the metric's settings are not the same")
            else:
                both.append(name)
        return both

    def _differences(self, a: "Measured", b: "Measured", figure: str, is_measured: bool) -> list[RunDifference]:
        from ..stats import holm

        taken = [_taken(a, b, figure, variant) for variant in self._variants]
        tested = [place for place, one in enumerate(taken) if one.p is not None]
        corrected = dict(zip(tested, holm([p for one in taken if (p := one.p) is not None]), strict=True))
        lost = holm([one.p_lost for one in taken])
        return [
            _difference(a, b, figure, one, corrected.get(place), p_lost, is_measured)
            for place, (one, p_lost) in enumerate(zip(taken, lost, strict=True))
        ]


class _Taken(NamedTuple):
    variant: str
    pair: "Pair"
    p: float | None
    lost: int
    gained: int
    p_lost: float


def _pair(a: "Measured", b: "Measured", figure: str, variant: str) -> "Pair":
    """The second run's values and the first's, on the cases that both have."""
    from .measured import paired, scored

    return paired(scored(b.column(figure, variant)), scored(a.column(figure, variant)))


def _taken(a: "Measured", b: "Measured", figure: str, variant: str) -> _Taken:
    from ..stats import one_sided_mcnemar
    from .measured import p_value

    pair = _pair(a, b, figure, variant)
    n = len(pair.a)
    p = p_value(pair, a.clusters(pair.numbers), a.figures[figure].is_rate, seed=a.seed) if n > 1 else None
    lost, gained = (one.column(figure, variant).scored - n for one in (a, b))
    return _Taken(variant, pair, p, lost, gained, one_sided_mcnemar(lost, gained))


def _difference(
    a: "Measured",
    b: "Measured",
    figure: str,
    taken: _Taken,
    p_holm: float | None,
    p_lost: float,
    is_measured: bool,
) -> RunDifference:
    from ..stats import Interval
    from .measured import Kind, difference, judged, smallest_detectable

    about, pair, n = a.figures[figure], taken.pair, len(taken.pair.a)
    clusters = a.clusters(pair.numbers)
    change = pair.a - pair.b
    up, down = int((change > 0).sum()), int((change < 0).sum())
    improved, worsened = (down, up) if about.higher_is_better is False else (up, down)
    found = Interval(0.0, None, None, 0)
    if n:
        kind = Kind(about.is_rate, a.kind(figure).is_share and b.kind(figure).is_share)
        found = difference(pair, clusters, kind, confidence=a.confidence, seed=a.seed)
    return RunDifference(
        figure=figure,
        variant=taken.variant,
        is_measured=is_measured,
        n=n,
        before=float(pair.b.mean()) if n else None,
        after=float(pair.a.mean()) if n else None,
        mean=found.mean if n else None,
        low=found.low,
        high=found.high,
        p=taken.p,
        p_holm=p_holm,
        smallest_detectable=smallest_detectable(pair, clusters, a.confidence),
        verdict=judged(pair, clusters, found, p_holm, about, a.confidence),
        improved=improved,
        worsened=worsened,
        same=n - up - down,
        lost=taken.lost,
        gained=taken.gained,
        p_lost=p_lost,
        too_many_lost=p_lost <= 1 - a.confidence + 1e-12,
        changes=tuple(islice(_changes(a, b, figure, taken.variant), _CHANGES)),
    )


def _changes(a: "Measured", b: "Measured", figure: str, variant: str) -> Iterator[Change]:
    """Cases scored in the first alone, then those that changed, the worst first, then those in the second alone."""
    import numpy as np

    from .measured import scored, worst

    pair = _pair(a, b, figure, variant)
    ids = a.columns.ids, b.columns.ids
    numbers, values = scored(a.column(figure, variant))
    alone = ~np.isin(numbers, pair.numbers)
    for number, value in zip(numbers[alone].tolist(), values[alone].tolist(), strict=True):
        yield Change(figure, variant, ids[0][number], value, None)
    better = a.figures[figure].higher_is_better
    order = worst(pair, better)
    if better is not None:
        order = np.concatenate([order, worst(pair, not better)[::-1]])
    for place in order.tolist():
        number = int(pair.numbers[place])
        yield Change(figure, variant, ids[0][number], float(pair.b[place]), float(pair.a[place]))
    numbers, values = scored(b.column(figure, variant))
    alone = ~np.isin(numbers, pair.numbers)
    for number, value in zip(numbers[alone].tolist(), values[alone].tolist(), strict=True):
        yield Change(figure, variant, ids[1][number], None, value)


def _check_same_data(a: Columns, b: Columns) -> None:
    one, other = a.planned.run.data, b.planned.run.data
    if one.sha256 != other.sha256:
        raise BadInput(
            f"the two runs cannot be compared: A is of {one.name} ({one.sha256[:12]}), B of {other.name} "
            f"({other.sha256[:12]}), which are other bytes; run both on the same data"
        )
    for number, (first, second) in enumerate(zip(a.ids, b.ids, strict=False)):
        if first and second and first != second:
            raise BadInput(
                f'the two runs cannot be compared: case {number} is "{first}" in A and "{second}" in B; '
                "they read the data in two ways"
            )


def _comparable(a: Planned, b: Planned) -> tuple[list[str], list[str]]:
    """What cannot be compared, and the variants that can."""
    notes: list[str] = []
    common: list[str] = []
    if a.run.data.cases != b.run.data.cases:
        notes.append(f"A is of {a.run.data.cases} cases, B of {b.run.data.cases}: those that both have are compared")
    keys = [[one.key for one in side.variants] for side in (a, b)]
    for key in [*keys[0], *(key for key in keys[1] if key not in keys[0])]:
        attack = Variant.of(key).attack
        if key not in keys[0] or key not in keys[1]:
            notes.append(f"{key}: only in {'A' if key in keys[0] else 'B'}")
        elif attack and a.run.seed != b.run.seed:
            notes.append(f"{key}: A has the seed {a.run.seed}, B {b.run.seed}, so what the attack drew is not the same")
        elif _settings(a, attack) != _settings(b, attack):
            notes.append(f"{key}: the attack's settings are not the same")
        else:
            common.append(key)
    return notes, common


def _settings(planned: Planned, attack: str) -> dict[str, Any]:
    return {name: value for name, value in planned.attacks.get(attack, {}).items() if name not in _KINDS}
