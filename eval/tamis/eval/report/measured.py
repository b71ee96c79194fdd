"""What the columns of a run say: estimates and paired differences with intervals, through ``tamis.eval.stats``."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tamis.core.errors import BadInput

from ..stats import (
    Interval,
    alike_interval,
    all_alike,
    clustered_rate_interval,
    exact_mcnemar,
    mean_interval,
    paired_difference,
    paired_p_value,
    paired_rate_difference,
    rate_interval,
    smallest_detectable_difference,
    spread_of,
    verdict,
)
from .columns import Column, Columns, Table, metric_of_figure
from .gates import LEAST, Operand, Sample
from .report import FigureInfo, VariantInfo, Verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNKNOWN = FigureInfo(is_rate=False, higher_is_better=None)
FLIPPED = FigureInfo(is_rate=True, higher_is_better=False)
_WORST = 10


class Kind(NamedTuple):
    """What the values of a figure can be: 0 and 1 alone, or shares in [0, 1]."""

    is_rate: bool
    is_share: bool


class Pair(NamedTuple):
    """Two columns on the items scored in both: the items' numbers, and the values, each of shape (n,)."""

    numbers: "NDArray[Any]"
    a: "NDArray[Any]"
    b: "NDArray[Any]"


class Measured:
    """One table of a run, asked for intervals. ``figures`` says what each figure means. Gates are checked on it."""

    def __init__(self, columns: Columns, table: Table) -> None:
        self.columns = columns
        self.table = table
        planned = columns.planned
        self.seed, self.confidence = planned.run.seed, planned.run.confidence
        self.figures = {name: about(name, columns) for name in table.figures}
        self._are_shares: dict[str, bool] = {}

    def variants_of(self, variant: str) -> list[str]:
        """The keys a gate's variant stands for, weakest first. Raises BadInput naming those there are."""
        known = self.columns.planned.variants
        if any(one.key == variant for one in known):
            return [variant]
        attack, control, _ = variant.partition("~control")
        found = [one for one in known if one.attack and one.attack == attack and one.control == bool(control)]
        if not found:
            raise BadInput(f'the run has no variant "{variant}"; it has: {", ".join(one.key for one in known)}')
        return [one.key for one in sorted(found, key=lambda one: one.strength)]

    def column(self, figure: str, variant: str) -> Column:
        """The column; an empty one where nothing of it was run. Raises BadInput for a figure that is not there."""
        if figure not in self.figures:
            raise BadInput(f'the run has no figure "{figure}"; it has: {", ".join(self.figures) or "none"}')
        return self.table.get(figure, variant) or Column()

    def interval(self, figure: str, variant: str, confidence: float | None = None) -> Interval | None:
        """A figure's mean under one variant; None where no item was scored."""
        numbers, values = scored(self.column(figure, variant))
        if not len(values):
            return None
        clusters = self.clusters(numbers)
        return interval(values, clusters, self.kind(figure), confidence=confidence or self.confidence, seed=self.seed)

    def kind(self, *figures: str) -> Kind:
        """What the values of all these figures can be. A single value outside [0, 1] makes a figure no share."""
        return Kind(all(self.figures[one].is_rate for one in figures), all(map(self._is_share, figures)))

    def pair(self, left: Operand, right: Operand) -> Pair:
        """Both columns on the items that both have."""
        return paired(scored(self.column(*left)), scored(self.column(*right)))

    def sample(self, figure: str, variant: str, confidence: float) -> Sample:
        """For gates."""
        column = self.column(figure, variant)
        found = self.interval(figure, variant, confidence)
        mean, low, high = found[:3] if found else (None, None, None)
        clusters = self.clusters(scored(column)[0])
        groups = None if clusters is None else len(set(clusters))
        return Sample(mean, low, high, column.scored, self._cases(column), groups)

    def difference(self, left: Operand, right: Operand, confidence: float) -> Sample:
        """For gates: the left minus the right."""
        pair = self.pair(left, right)
        cases = max(self._cases(self.column(*left)), self._cases(self.column(*right)))
        if not len(pair.a):
            return Sample(None, None, None, 0, cases)
        clusters, kind = self.clusters(pair.numbers), self.kind(left.figure, right.figure)
        found = difference(pair, clusters, kind, confidence=confidence, seed=self.seed)
        return Sample(*found[:3], len(pair.a), cases, None if clusters is None else len(set(clusters)))

    def clusters(self, numbers: "NDArray[Any]") -> list[str] | None:
        """The items' clusters; None where each is its own."""
        names = self.columns.clusters
        found = [names[number] for number in numbers.tolist()]
        return None if len(set(found)) == len(found) else found

    def worst(self, pair: Pair, higher_is_better: bool | None) -> tuple[str, ...]:
        """Ids of up to ten items that lost the most, worst first, in the data's order where they lost the same."""
        ids = self.columns.ids
        return tuple(ids[number] for number in pair.numbers[worst(pair, higher_is_better)[:_WORST]].tolist())

    def _is_share(self, figure: str) -> bool:
        if (known := self._are_shares.get(figure)) is None:
            columns = (self.column(figure, one) for of, one in self.table if of == figure)
            known = self.figures[figure].is_share and all(is_within(scored(one)[1], 0, 1) for one in columns)
            self._are_shares[figure] = known
        return known

    def _cases(self, column: Column) -> int:
        """How many cases the plan has, or the journal where it is more than planned."""
        return max(self.columns.planned.run.data.cases, column.scored + column.unscored + column.failed)


def about(figure: str, columns: Columns) -> FigureInfo:
    """What a figure means, by its metric's entry in the plan; without one, neither rate nor direction are claimed."""
    from .answers import FLIPS

    if figure == FLIPS:
        return FLIPPED
    return columns.planned.figures.get(metric_of_figure(figure), UNKNOWN)


def scored(column: Column) -> "tuple[NDArray[Any], NDArray[Any]]":
    """Numbers and values of the items that have one, both of shape (n,), in the data's order."""
    import numpy as np

    values = np.frombuffer(column.values, dtype=np.float64) if column.values else np.empty(0)
    numbers = np.flatnonzero(~np.isnan(values))
    return numbers, values[numbers]


def paired(left: "tuple[NDArray[Any], NDArray[Any]]", right: "tuple[NDArray[Any], NDArray[Any]]") -> Pair:
    """The items that both sides have, by their numbers."""
    import numpy as np

    numbers, in_left, in_right = np.intersect1d(left[0], right[0], assume_unique=True, return_indices=True)
    return Pair(numbers, left[1][in_left], right[1][in_right])


def worst(pair: Pair, higher_is_better: bool | None) -> "NDArray[Any]":
    """Places of the items that lost (moved, where no direction is better), the one that lost most first."""
    import numpy as np

    change = pair.a - pair.b
    lost = np.abs(change) if higher_is_better is None else (-change if higher_is_better else change)
    order = np.argsort(-lost, kind="stable")
    found: NDArray[Any] = order[lost[order] > 0]
    return found


def is_within(values: "NDArray[Any]", least: float, most: float) -> bool:
    """Whether no value lies outside; True for none."""
    return bool(((values >= least) & (values <= most)).all())


def is_binary(*values: "NDArray[Any]") -> bool:
    """Whether all are 0 or 1: a metric that calls itself a rate and is none is taken for a mean."""
    return all(bool(((one == 0) | (one == 1)).all()) for one in values)


def interval(
    values: "NDArray[Any]", clusters: Sequence[str] | None, kind: Kind, *, confidence: float, seed: int
) -> Interval:
    """A mean with its interval: exact for a rate, else bootstrapped; over clusters where there are some.

    Where all values are the same it is as wide as ``alike_interval`` says, and has no ends for what is no share.
    """
    if kind.is_rate and is_binary(values):
        if clusters is None:
            return rate_interval(int(values.sum()), len(values), confidence=confidence)
        return clustered_rate_interval((values == 1).tolist(), clusters, confidence=confidence)
    within = (0.0, 1.0) if kind.is_share else None
    if all_alike(values.tolist(), clusters):
        return _alike(values, clusters, within, confidence)
    return mean_interval(values.tolist(), confidence=confidence, seed=seed, clusters=clusters, within=within)


def difference(pair: Pair, clusters: Sequence[str] | None, kind: Kind, *, confidence: float, seed: int) -> Interval:
    """The mean of a - b with its interval: Newcombe's for rates, else bootstrapped; over clusters if there are some.

    Where all differ by the same it is as wide as ``alike_interval`` says, and has no ends for what is no share.
    """
    if kind.is_rate and is_binary(pair.a, pair.b):
        a, b = (pair.a == 1).tolist(), (pair.b == 1).tolist()
        return paired_rate_difference(a, b, confidence=confidence, clusters=clusters)
    within = (-1.0, 1.0) if kind.is_share else None
    if is_shift(pair, clusters):
        return _alike(pair.a - pair.b, clusters, within, confidence)
    a, b = pair.a.tolist(), pair.b.tolist()
    return paired_difference(a, b, confidence=confidence, seed=seed, clusters=clusters, within=within)


def is_shift(pair: Pair, clusters: Sequence[str] | None) -> bool:
    """Whether both sides differ by the same everywhere, by nothing or by something."""
    size = max(float(abs(side).max()) for side in (pair.a, pair.b))
    return all_alike((pair.a - pair.b).tolist(), clusters, size=size)


def judged(
    pair: Pair, clusters: Sequence[str] | None, found: Interval, p: float | None, about: FigureInfo, confidence: float
) -> Verdict:
    """What a difference comes to, with ``p`` corrected for how many were looked at.

    Where both sides differ by the same everywhere, whether that is chance is for the test alone to say: the interval
    is of what was not seen.
    """
    if len(pair.a) and is_shift(pair, clusters):
        found = Interval(found.mean, found.mean, found.mean, found.n)
    groups = None if clusters is None else len(set(clusters))
    better = about.higher_is_better
    return verdict(found, p, higher_is_better=better, least=LEAST, confidence=confidence, groups=groups)


def _alike(
    values: "NDArray[Any]", clusters: Sequence[str] | None, within: tuple[float, float] | None, confidence: float
) -> Interval:
    groups = len(values) if clusters is None else len(set(clusters))
    value = math.fsum(values.tolist()) / len(values)
    return alike_interval(value, len(values), groups=groups, within=within, confidence=confidence)


def p_value(pair: Pair, clusters: Sequence[str] | None, is_rate: bool, *, seed: int) -> float:
    """Of no difference: exact McNemar for rates over independent items, else paired over clusters; in [0, 1]."""
    if is_rate and clusters is None and is_binary(pair.a, pair.b):
        return exact_mcnemar((pair.a == 1).tolist(), (pair.b == 1).tolist())
    return paired_p_value(pair.a.tolist(), pair.b.tolist(), seed=seed, clusters=clusters)


def smallest_detectable(pair: Pair, clusters: Sequence[str] | None, confidence: float) -> float | None:
    """The mean difference that so many items, scattered as these are, would have shown with 80% power."""
    if not len(pair.a):
        return None
    spread = spread_of((pair.a - pair.b).tolist(), clusters=clusters)
    return smallest_detectable_difference(spread.n, spread.deviation, confidence=confidence)


def compared(variants: Sequence[VariantInfo]) -> list[tuple[VariantInfo, str]]:
    """The differences that are taken: each attack and control to clean, and each attack to its control if that ran."""
    keys = {one.key for one in variants}
    pairs = [(one, "clean") for one in variants if one.attack and "clean" in keys]
    pairs += [(one, f"{one.key}~control") for one in variants if f"{one.key}~control" in keys]
    return pairs
