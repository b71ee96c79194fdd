"""Attacks that cannot be made on a case as they are specified: told apart from what failed."""

from typing import NamedTuple

from ..run.record import NOT_APPLICABLE
from .report import Report


class Unapplied(NamedTuple):
    """An attack that could not be made on ``cases`` of the ``of`` cases that were tried, mostly for ``reason``."""

    attack: str
    cases: int
    of: int
    reason: str
    is_everywhere: bool

    def __str__(self) -> str:
        to = "any case" if self.is_everywhere else f"{self.cases:,} of {self.of:,} cases"
        return f"not applicable to {to}: {self.reason}"


def why_not_applicable(error: str | None) -> str | None:
    """Why an attack could not be made, from a record's error; None for every other error, and for none.

    >>> why_not_applicable("not applicable: the case has no date"), why_not_applicable("TimeoutError: 60 s")
    ('the case has no date', None)
    """
    return error.removeprefix(NOT_APPLICABLE) if error is not None and error.startswith(NOT_APPLICABLE) else None


def unapplied(report: Report) -> list[Unapplied]:
    """The attacks that could not be made on some case, in the suite's order, each at the strength that lost most."""
    found: dict[str, Unapplied] = {}
    attacked = [one for one in report.variants if one.attack and not one.control]
    somewhere = {one.attack for one in attacked if one.is_applicable}
    for one in attacked:
        cases = sum(one.not_applicable.values())
        if cases > (found[one.attack].cases if one.attack in found else 0):
            reason = next(iter(one.not_applicable))
            found[one.attack] = Unapplied(one.attack, cases, one.records, reason, one.attack not in somewhere)
    return list(found.values())
