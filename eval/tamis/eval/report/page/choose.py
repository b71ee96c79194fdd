"""Which cases are worth a reader's time: those that lost most, gates' figures first, and those that failed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import NamedTuple

from tamis.core.errors import BadSetting

from ...outcome import Failed
from ...run.record import Record
from ..applicable import why_not_applicable
from ..decisive import decisive
from ..report import Difference, Report
from .overview import headlines


@dataclass(frozen=True)
class Limits:
    """How much of the evidence one page carries; the rest is in the CSV and the journal, and the page says so.

    ``cases`` are shown with their passages, ``rows`` in the table of cases; ``size`` bounds the bytes of the cases
    shown, ``variants`` how many stand beside each other. Raises BadSetting below 1 variant or below 0 of the others.
    """

    cases: int = 120
    rows: int = 2000
    size: int = 12_000_000
    variants: int = 4

    def __post_init__(self) -> None:
        if min(self.cases, self.rows, self.size) < 0 or self.variants < 1:
            raise BadSetting(f"a page's limits must not be negative, and variants at least 1, not {self}")


class Reason(NamedTuple):
    """Why a case is shown: it lost much of a figure under a variant against a baseline; figure "": that one failed."""

    figure: str
    variant: str
    baseline: str


@dataclass
class Choice:
    """A case to be shown, with the reasons for it, the most telling first."""

    case: str
    why: list[Reason] = field(default_factory=list)

    @property
    def variants(self) -> list[str]:
        """The variants that say why, the most telling first."""
        return list(dict.fromkeys(reason.variant for reason in self.why))


def has_failed(record: Record) -> bool:
    """Whether the target, an attack or a figure failed; an attack that the case left no place for did not.

    >>> from tamis.eval.variant import Variant
    >>> has_failed(Record("a", 0, Variant("stale", 1.0), "a", {}, error="not applicable: it has no date"))
    False
    """
    if why_not_applicable(record.error) is not None:
        return False
    return record.error is not None or any(isinstance(one, Failed) for one in record.outcomes.values())


Failures = Mapping[str, Sequence[str]]


def failures(records: Iterable[Record], most: int) -> dict[str, list[str]]:
    """The variants in which a case, or one of its figures, failed: by case, the first ``most`` cases of the data.

    >>> from tamis.eval.variant import Variant
    >>> failures([Record("a", 0, Variant(), "a", {}, error="it hangs")], 10)
    {'a': ['clean']}
    """
    found: dict[tuple[int, str], list[str]] = {}
    for record in records:
        if has_failed(record):
            found.setdefault((record.number, record.case), []).append(record.variant.key)
            if len(found) > 4 * most + 16:
                found = dict(sorted(found.items())[: most + 1])
    return {case: sorted(variants) for (_, case), variants in sorted(found.items())[:most]}


def choose(report: Report, failed: Failures, most: int) -> list[Choice]:
    """At most ``most`` cases, the most telling first; failures take up to a quarter of the places.

    Every comparison gives its worst case before any gives its second, those of headline figures that became worse
    first.
    """
    reasons: dict[str, list[Reason]] = {}
    for one, case in _worst_first(report):
        reasons.setdefault(case, []).append(Reason(one.figure, one.variant, one.baseline))
    worst = list(reasons)
    for case, variants in failed.items():
        reasons.setdefault(case, []).extend(Reason("", variant, "") for variant in variants)
    reserved = min(len(failed), most // 4)
    order = dict.fromkeys([*worst[: most - reserved], *failed, *worst])
    return [Choice(case, reasons[case]) for case in list(order)[:most]]


def _worst_first(report: Report) -> Iterable[tuple[Difference, str]]:
    first = headlines(report)
    speaks = {(one.figure, one.variant, one.baseline) for one in decisive(report)}

    def rank(one: Difference) -> tuple[bool, int, bool, bool]:
        place = first.index(one.figure) if one.figure in first else len(first)
        is_beside = (one.figure, one.variant, one.baseline) not in speaks
        return one.verdict != "worse", place, is_beside, one.variant.endswith("~control")

    ordered = sorted(report.differences, key=rank)
    for cases in zip_longest(*(one.worst for one in ordered)):
        for one, case in zip(ordered, cases, strict=True):
            if case is not None:
                yield one, case
