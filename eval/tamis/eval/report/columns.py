"""The numbers of a run, gathered from its records in any order: an array for each figure and variant, by case."""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import heappop, heappush

from tamis.core.errors import BadInput

from ..outcome import Failed, Outcome, Scored
from ..run.record import Record
from .answers import FLIPS, Answers
from .applicable import why_not_applicable
from .planned import Planned

NO_STEP = "the pipeline had no such step here"
OTHER = "other reasons"
_REASONS = 1_000
_SHOWN = 10
_LARGEST = 100_000_000
_NAN = float("nan")


class Reasons:
    """How often each reason was given, in bounded memory and whatever order they come in.

    An error message may name its case, so that there are as many as cases: of more than a thousand those with the
    smallest hash are kept, and the others are counted together.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._largest: list[tuple[int, str]] = []
        self._bound: int | None = None
        self._others = 0

    def add(self, reason: str, count: int = 1) -> None:
        """So many more of this reason, cut at 300 characters."""
        reason = reason[:300]
        if reason in self._counts:
            self._counts[reason] += count
            return
        place = _hash(reason)
        if self._bound is not None and place >= self._bound:
            self._others += count
            return
        self._counts[reason] = count
        heappush(self._largest, (-place, reason))
        if len(self._counts) > _REASONS:
            negative, dropped = heappop(self._largest)
            self._bound = -negative
            self._others += self._counts.pop(dropped)

    def update(self, other: "Reasons") -> None:
        """All that another has counted."""
        for reason, count in other._counts.items():
            self.add(reason, count)
        self._others += other._others

    @property
    def total(self) -> int:
        """How many were given, those that are counted together too."""
        return self._others + sum(self._counts.values())

    def most(self) -> dict[str, int]:
        """The ten most frequent, most frequent first, equal ones by their text, and how many others there are."""
        ranked = sorted(self._counts.items(), key=lambda one: (-one[1], one[0]))
        others = self._others + sum(count for _, count in ranked[_SHOWN:])
        return dict(ranked[:_SHOWN]) | ({OTHER: others} if others else {})


def _hash(reason: str) -> int:
    return int.from_bytes(blake2b(reason.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


@dataclass
class Column:
    """One figure under one variant: ``values`` by the case's number, NaN where it was not scored."""

    values: "array[float]" = field(default_factory=lambda: array("d"))
    scored: int = 0
    unscored: int = 0
    failed: int = 0
    reasons: Reasons = field(default_factory=Reasons)

    def add(self, number: int, outcome: Outcome) -> None:
        """One case's outcome."""
        if isinstance(outcome, Scored):
            if (short := number + 1 - len(self.values)) > 0:
                self.values.extend([_NAN] * short)
            self.values[number] = outcome.value
            self.scored += 1
        elif isinstance(outcome, Failed):
            self.failed += 1
            self.reasons.add(outcome.error)
        else:
            self.unscored += 1
            self.reasons.add(outcome.reason)

    def take(self, other: "Column") -> None:
        """Counts what another column could not score as this one's."""
        self.unscored += other.unscored
        self.failed += other.failed
        self.reasons.update(other.reasons)


class Table:
    """Columns by figure and variant; figures in the order of their metrics, then as they first stand in the data."""

    def __init__(self, metrics: Iterable[str]) -> None:
        self._metrics = {name: place for place, name in enumerate(metrics)}
        self._columns: dict[tuple[str, str], Column] = {}
        self._first: dict[str, tuple[int, int, int]] = {}

    def add(self, number: int, variant: str, place: int, outcomes: Mapping[str, Outcome]) -> None:
        """One record's outcomes; ``place`` is the variant's in the plan."""
        for position, (figure, outcome) in enumerate(outcomes.items()):
            self.column(figure, variant).add(number, outcome)
            here = (number, place, position)
            if self._first.setdefault(figure, here) > here:
                self._first[figure] = here

    def column(self, figure: str, variant: str) -> Column:
        """The column, an empty one if it is new."""
        if (found := self._columns.get((figure, variant))) is None:
            found = self._columns[figure, variant] = Column()
        return found

    def close(self, records: Mapping[str, int]) -> None:
        """Makes every column account for every record of its variant.

        A target that failed gives its metrics no steps: that counts for each step that the metric has elsewhere.
        """
        stepped: dict[str, list[str]] = {}
        for figure in self._first:
            if (metric := metric_of_figure(figure)) != figure:
                stepped.setdefault(metric, []).append(figure)
        for metric, figures in stepped.items():
            bare = {variant: self._columns.get((metric, variant)) for variant in records}
            if metric not in self._first or any(column and column.scored for column in bare.values()):
                continue
            for variant, column in bare.items():
                if column is not None:
                    for figure in figures:
                        self.column(figure, variant).take(column)
                    del self._columns[metric, variant]
            del self._first[metric]
        for figure in self._first:
            for variant, count in records.items():
                column = self._columns.get((figure, variant))
                if column is None and figure == FLIPS:
                    continue
                column = self.column(figure, variant)
                if (missing := count - column.scored - column.unscored - column.failed) > 0:
                    column.unscored += missing
                    column.reasons.add(NO_STEP, missing)

    @property
    def figures(self) -> list[str]:
        """Their names."""

        def place(figure: str) -> tuple[int, tuple[int, int, int]]:
            return self._metrics.get(metric_of_figure(figure), len(self._metrics)), self._first[figure]

        return sorted(self._first, key=place)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._columns)

    def get(self, figure: str, variant: str) -> Column | None:
        """The column, if there is one."""
        return self._columns.get((figure, variant))


def metric_of_figure(figure: str) -> str:
    """The metric that gives a figure: its name without the step.

    >>> metric_of_figure("nDCG@10 [retrieve]")
    'nDCG@10'
    """
    name, bracket, _ = figure.rpartition(" [")
    return name if bracket and figure.endswith("]") else figure


class Columns:
    """Everything a report needs of a run's records, apart from what a reader looks at case by case.

    ``ids`` and ``clusters`` are by the case's number. What a clock or a meter gave stands in ``timings``, apart.
    """

    def __init__(self, planned: Planned) -> None:
        self.planned = planned
        self.ids: list[str] = []
        self.clusters: list[str] = []
        self.outcomes = Table(planned.figures)
        self.timings = Table(planned.figures)
        self.realised = Table(())
        self.records: dict[str, int] = {one.key: 0 for one in planned.variants}
        self.failed = 0
        self.not_applicable: dict[str, Reasons] = {one.key: Reasons() for one in planned.variants}
        self._places = {one.key: place for place, one in enumerate(planned.variants)}
        self._seen: dict[str, bytearray] = {}
        self._answers = Answers(len(planned.variants))

    @classmethod
    def of(cls, records: Iterable[Record], planned: Planned) -> "Columns":
        """All records, each case and variant once: what comes a second time is left out."""
        columns = cls(planned)
        for record in records:
            columns.add(record)
        columns.close()
        return columns

    def add(self, record: Record) -> None:
        """One record. Raises BadInput for a variant that the plan does not name."""
        key, number = record.variant.key, record.number
        if (place := self._places.get(key)) is None:
            raise BadInput(f'the journal has a record of "{key}", which the plan does not name: it is another run\'s')
        if not 0 <= number < _LARGEST:
            raise BadInput(f"the journal has a record of case number {number}; it must be 0 or more, and not so large")
        if not self._is_new(key, number):
            return
        self._name(number, record.case, record.cluster)
        self.records[key] += 1
        if (why := why_not_applicable(record.error)) is not None:
            self.not_applicable[key].add(why)
        else:
            self.failed += record.error is not None
        self.outcomes.add(number, key, place, record.outcomes)
        self.timings.add(number, key, place, record.timings)
        if record.error is None:
            self.realised.column("", key).add(number, Scored(record.realised))
        for of, variant, outcome in self._answers.add(record):
            self.outcomes.add(of, variant, self._places[variant], {FLIPS: outcome})

    def close(self) -> None:
        """After the last record."""
        self.outcomes.close(self.records)
        self.timings.close(self.records)

    @property
    def cases(self) -> int:
        """How many cases have a record."""
        return sum(bool(name) for name in self.ids)

    def _is_new(self, key: str, number: int) -> bool:
        seen = self._seen.setdefault(key, bytearray())
        if (short := number + 1 - len(seen)) > 0:
            seen.extend(bytes(short))
        if seen[number]:
            return False
        seen[number] = 1
        return True

    def _name(self, number: int, case: str, cluster: str) -> None:
        if (short := number + 1 - len(self.ids)) > 0:
            self.ids.extend([""] * short)
            self.clusters.extend([""] * short)
        self.ids[number] = case
        # A case that is its own cluster keeps one string, not two.
        self.clusters[number] = case if cluster == case else cluster
