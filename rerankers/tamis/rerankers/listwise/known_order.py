"""What comparisons have shown so far: a partial order that grows, and which groups to compare next for the best k."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Learn = Literal["order", "best"]


class KnownOrder:
    """Which of ``count`` candidates are known to be better than which, with everything that follows from it.

    Nothing that is known is asked again, and an answer that contradicts what is known is dropped and counted
    (``contradictions``): with a model that is not consistent the first answer holds, and the search still ends.
    """

    def __init__(self, count: int, k: int) -> None:
        self.k = min(k, count)
        self.settled: list[int] = []
        self.contradictions = 0
        # better[a, b]: a is known to be better than b.
        self._better: NDArray[np.bool_] = np.zeros((count, count), dtype=bool)

    def knows(self, better: int, worse: int) -> bool:
        """Whether one is known to be better than the other."""
        return bool(self._better[better, worse])

    def learn(self, better: int, worse: int) -> bool:
        """Takes note that one is better than the other. False where that was known, or contradicts what is known."""
        if self._better[worse, better]:
            self.contradictions += 1
            return False
        if better == worse or self._better[better, worse]:
            return False
        above = self._better[:, better].copy()
        above[better] = True
        below = self._better[worse].copy()
        below[worse] = True
        self._better |= above[:, None] & below[None, :]
        return True

    def places_lost(self) -> NDArray[np.int64]:
        """For each candidate, how many are known to be better. Shape (count,)."""
        lost: NDArray[np.int64] = self._better.sum(axis=0)
        return lost

    def settle(self) -> None:
        """Moves to ``settled`` what is known to be next, best first, until something has to be compared."""
        while len(self.settled) < self.k:
            first = self.contenders()
            if len(first) != 1:
                return
            self.settled.append(first[0])

    def contenders(self) -> list[int]:
        """Those of the rest that no other of the rest is known to be better than: one of them is the next best."""
        rest = np.ones(len(self._better), dtype=bool)
        rest[self.settled] = False
        beaten = self._better[rest].any(axis=0)
        return [int(at) for at in np.flatnonzero(rest & ~beaten)]

    def groups(self, size: int, learn: Learn) -> list[list[int]]:
        """What to compare next, at most ``size`` in each group; none when the best k are settled.

        Whole groups of contenders are compared side by side. Where there are too few contenders for one, those that
        may come next fill it up, if the whole order of a group is learnt: they may settle more than one place.
        """
        self.settle()
        if len(self.settled) == self.k:
            return []
        # Those who have beaten fewest first: their losers are the next to be asked again, should they win.
        first = sorted(self.contenders(), key=lambda at: int(self._better[at].sum()))
        if len(first) >= size:
            whole = len(first) // size
            return [first[at * size : (at + 1) * size] for at in range(whole)]
        if learn == "best":
            return [first]
        lost = self.places_lost()
        taken = {*first, *self.settled}
        others = [at for at in range(len(lost)) if at not in taken and lost[at] < self.k]
        others.sort(key=lambda at: int(lost[at]))
        return [first + others[: size - len(first)]]

    def answered(self, group: Sequence[int], best_first: Sequence[int], learn: Learn) -> bool:
        """Takes note of a group's order (those told of, best first). False where it settles nothing between contenders.

        Those that were not told of are behind those that were, in no order.
        """
        told = list(best_first)
        silent = [at for at in group if at not in told]
        before = self._open(group)
        if learn == "best":
            told, silent = told[:1], [at for at in group if at not in told[:1]]
        for place, better in enumerate(told):
            for worse in (*told[place + 1 :], *silent):
                self.learn(better, worse)
        return self._open(group) < before

    def _open(self, group: Sequence[int]) -> int:
        """How many pairs of a group nothing is known about."""
        among = self._better[np.ix_(group, group)]
        return int((~(among | among.T)).sum())

    def ranked(self) -> list[int]:
        """The best k by what is known: those settled, then those that fewest are known to beat, ties as they came."""
        lost = self.places_lost()
        rest = [at for at in range(len(lost)) if at not in self.settled]
        rest.sort(key=lambda at: int(lost[at]))
        return (self.settled + rest)[: self.k]
