"""LargestGap: cuts the list where the score falls most."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .floor import checked_floor
from .policy import checked_ranking


@dataclass(frozen=True)
class LargestGap:
    """Keeps candidates down to the largest fall between one score and the next, among those that reach the floor.

    The last candidate above the floor falls to the next one's score, or to the floor where it is the last of all: so
    a list of good passages is kept whole. Without a floor (None) the cut is always between two candidates, and it
    cannot abstain. Of equal falls the first is taken.

    >>> LargestGap().keep([0.9, 0.85, 0.6, 0.1])
    3
    >>> LargestGap().keep([0.4, 0.1])
    0
    """

    floor: float | None = 0.5

    def __post_init__(self) -> None:
        checked_floor(self.floor)

    def keep(self, probabilities: Sequence[float]) -> int:
        """How many to keep. Raises BadInput for scores that are not finite or not best first."""
        ranking = checked_ranking(probabilities)
        if self.floor is None:
            return int(np.argmax(ranking[:-1] - ranking[1:])) + 1 if len(ranking) > 1 else len(ranking)
        above = int((ranking >= self.floor).sum())
        if above == 0:
            return 0
        falls_to = np.append(ranking[1:], self.floor)[:above]
        return int(np.argmax(ranking[:above] - falls_to)) + 1
