"""What a swap is made from, and what comes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tamis.models.judges.features import Evidence, evidence_of


class Swapped(NamedTuple):
    """A changed claim, and the piece that was changed, before and after."""

    claim: str
    was: str
    became: str


@dataclass(frozen=True)
class Known:
    """The evidence that supports the claim, and supported claims of other evidence."""

    evidence: Evidence
    others: tuple[str, ...]

    @classmethod
    def of(cls, evidence: Sequence[str], others: Sequence[str]) -> "Known":
        """Made of texts."""
        return cls(evidence_of(tuple(evidence)), tuple(others))


def replaced(claim: str, begin: int, end: int, by: str) -> Swapped:
    """The claim with one piece replaced, its first letter large where the claim began with it."""
    was = claim[begin:end]
    if begin == 0 and was[:1].isupper():
        by = by[:1].upper() + by[1:]
    return Swapped(claim[:begin] + by + claim[end:], was, by)
