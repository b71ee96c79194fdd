"""The table of a run on knowledge conflict: how often an answer follows its context, and where it should not have."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ..outcome import Scored
from ..run.record import Record
from ..stats import Interval, rate_interval
from .conflict import CONTEXT_OF, Kind


class Row(NamedTuple):
    """One figure of the table: its name, what it counts, and its rate over ``n`` questions (None: over none)."""

    name: str
    meaning: str
    rate: Interval | None


@dataclass(frozen=True)
class ConflictTable:
    """Rates with exact intervals. KnowPO's own formulas are not published in full: these are ours, in its manner.

    Read with ``answered``: only ``abstains_irrelevant`` and ``abstains_empty`` count refusals and silence, which are
    right there.
    """

    rows: tuple[Row, ...]
    memory_ratio: Interval | None

    def rate(self, name: str) -> Interval | None:
        """The rate of that name. Raises KeyError."""
        return {row.name: row.rate for row in self.rows}[name]


_MEANINGS = {
    "adherence": "the context's answer, where the context says otherwise than memory",
    "ignorance": "an answer that is not the context's, where the context answers",
    "overinclusion": "words of the context that is beside the point, and no right answer",
    "robustness": "the right answer beside an irrelevant context, where it is given without any",
    "abstains_irrelevant": "no answer, where the context is beside the point",
    "abstains_empty": "no answer, where there is no context",
    "abstains_relevant": "no answer, where the context answers",
}


def conflict_table(records: Iterable[Record], *, confidence: float = 0.95) -> ConflictTable:
    """The table of a run of the suite "conflict" over its records, in any order.

    A figure is over the questions whose metric was scored: refusals are not among answers, and robustness needs both
    the irrelevant and the empty context of a question.
    """
    found: dict[str, dict[str, Record]] = {}
    for record in records:
        if (kind := CONTEXT_OF.get(record.variant.attack or "clean")) and not record.variant.control:
            found.setdefault(record.case, {})[kind] = record

    def values(kind: Kind, figure: str) -> list[float]:
        outcomes = [by[kind].outcomes.get(figure) for by in found.values() if kind in by]
        return [one.value for one in outcomes if isinstance(one, Scored)]

    def opposed(figure: str) -> list[float]:
        """Under contexts that an attack turned against memory, and clean where the case itself brings such a one."""
        return [*values("counterfactual", figure), *values("relevant", figure)]

    robust = []
    for by in found.values():
        alone, beside = (_value(by.get(kind), "answer_contained") for kind in ("empty", "irrelevant"))
        if alone == 1.0 and beside is not None:
            robust.append(beside)
    taken = {
        "adherence": opposed("context_adherence"),
        "ignorance": opposed("context_ignored"),
        "overinclusion": values("irrelevant", "context_overused"),
        "robustness": robust,
        "abstains_irrelevant": values("irrelevant", "abstained"),
        "abstains_empty": values("empty", "abstained"),
        "abstains_relevant": values("relevant", "abstained"),
    }
    rows = tuple(Row(name, meaning, _rate(taken[name], confidence)) for name, meaning in _MEANINGS.items())
    return ConflictTable(rows, _rate(opposed("memory_ratio"), confidence))


def _value(record: Record | None, figure: str) -> float | None:
    outcome = None if record is None else record.outcomes.get(figure)
    return outcome.value if isinstance(outcome, Scored) else None


def _rate(values: list[float], confidence: float) -> Interval | None:
    return rate_interval(int(sum(values)), len(values), confidence=confidence) if values else None
