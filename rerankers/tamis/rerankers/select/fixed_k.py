"""FixedK: the same number for every question, the baseline that adaptive policies are compared with."""

from collections.abc import Sequence
from dataclasses import dataclass

from tamis.core.errors import BadSetting

from .floor import checked_floor
from .policy import checked_ranking


@dataclass(frozen=True)
class FixedK:
    """Keeps the first k; with a floor, only those of them that reach it ("up to k").

    Scores may have any range. With ``floor`` it is the up-to-k selection of "Re-ranking the Context for Multimodal
    Retrieval Augmented Generation" (2025): what lies below the floor goes, and k is a ceiling instead of a quota.

    >>> FixedK(2).keep([0.9, 0.8, 0.7])
    2
    >>> FixedK(2, floor=0.85).keep([0.9, 0.8, 0.7])
    1
    """

    k: int = 5
    floor: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.k, bool) or not isinstance(self.k, int) or self.k < 1:
            raise BadSetting(f"k is {self.k!r}; it must be a whole number of at least 1")
        checked_floor(self.floor)

    def keep(self, probabilities: Sequence[float]) -> int:
        """How many to keep, from 0 to k. Raises BadInput for scores that are not finite or not best first."""
        ranking = checked_ranking(probabilities)
        above = len(ranking) if self.floor is None else int((ranking >= self.floor).sum())
        return min(self.k, above)
