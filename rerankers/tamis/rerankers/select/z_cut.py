"""ZCut: keeps what stands out among its neighbours, and is good enough by itself."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tamis.core.errors import BadSetting

from .floor import checked_floor
from .policy import checked_ranking

FEWEST_FOR_A_SPREAD = 3
NO_SPREAD = 1e-9


@dataclass(frozen=True)
class ZCut:
    """Keeps candidates at least z standard deviations above the mean of their list, and not below the floor.

    Inspired by "The Z-loss" (2016), a loss that a shift and a scale of the scores do not change: so is this cut, but
    for the floor. Without a floor a list of irrelevant passages also has some that stand out (z <= 0 always keeps
    something), so None is for lists known to hold an answer. No z has been validated in general: tune it. Fewer than
    three candidates, or all of the same score: only the floor decides.

    >>> ZCut(z=1.0, floor=0.2).keep([0.9, 0.3, 0.1, 0.1, 0.1])
    1
    """

    z: float = 0.0
    floor: float | None = 0.5

    def __post_init__(self) -> None:
        if isinstance(self.z, bool) or not isinstance(self.z, (int, float)) or not math.isfinite(self.z):
            raise BadSetting(f"z is {self.z!r}; it must be a finite number")
        checked_floor(self.floor)

    def keep(self, probabilities: Sequence[float]) -> int:
        """How many to keep. Raises BadInput for scores that are not finite or not best first."""
        ranking = checked_ranking(probabilities)
        above = len(ranking) if self.floor is None else int((ranking >= self.floor).sum())
        if len(ranking) < FEWEST_FOR_A_SPREAD:
            return above
        deviation = float(ranking.std())
        if deviation < NO_SPREAD:
            return above
        # The margin is for rounding: a score exactly z deviations above the mean is kept.
        return min(above, int((ranking - ranking.mean() >= (self.z - NO_SPREAD) * deviation).sum()))
