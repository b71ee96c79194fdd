"""What a stage's calls have come to: a running total that several threads may add to."""

import threading
from collections.abc import Mapping


class Statistics:
    """Counts calls, seconds, candidates and whatever else a call counted.

    >>> total = Statistics()
    >>> total.add(seconds=0.5, candidates=3, unscored=1, counts={"pairs": 2})
    >>> total.to_dict()
    {'calls': 1, 'seconds': 0.5, 'candidates': 3, 'unscored': 1, 'pairs': 2}
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total: dict[str, float] = {"calls": 0, "seconds": 0.0, "candidates": 0, "unscored": 0}

    def add(self, *, seconds: float, candidates: int, unscored: int, counts: Mapping[str, int]) -> None:
        """Adds one call."""
        added = {"calls": 1, "seconds": seconds, "candidates": candidates, "unscored": unscored, **counts}
        with self._lock:
            for name, amount in added.items():
                self._total[name] = self._total.get(name, 0) + amount

    def to_dict(self) -> dict[str, float]:
        """The totals so far, a copy."""
        with self._lock:
            return dict(self._total)

    def __reduce__(self) -> tuple[type["Statistics"], tuple[()]]:
        # A copy begins at zero: it has done nothing yet.
        return Statistics, ()
