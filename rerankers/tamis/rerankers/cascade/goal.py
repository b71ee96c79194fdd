"""What a cascade decides: which candidates are the best k, or which ones a policy keeps."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..select.policy import Policy

_HALVINGS = 12
_FARTHEST = 30.0


class Goal(NamedTuple):
    """The best ``top_k``; or, with a ``policy``, those it keeps of the probabilities that ``probability`` gives."""

    top_k: int
    policy: Policy | None = None
    probability: Callable[[float], float] | None = None

    def kept(self, log_odds: Sequence[float]) -> int:
        """How many of these are kept, given best first."""
        if self.policy is None or self.probability is None:
            return min(self.top_k, len(log_odds))
        return self.policy.keep([self.probability(one) for one in log_odds])

    def bar(self, known: Sequence[float], guessed: Sequence[float]) -> float:
        """The least log-odds with which one more candidate would be kept; minus infinity where any would do.

        ``known`` are the dear log-odds so far; ``guessed`` those of candidates that are not asked yet. A top k counts
        what is known alone: a guess bars nobody's way.
        """
        if self.policy is None:
            best = sorted(known, reverse=True)
            return best[self.top_k - 1] if len(best) >= self.top_k else -math.inf
        # The likeliest of those not asked is the one in question.
        rest = sorted((*known, *sorted(guessed, reverse=True)[1:]), reverse=True)
        # How far down a candidate may come and still be kept, first among the others' places, then in between.
        low, high = -1, len(rest)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._keeps(rest, rest[middle]) else (low, middle)
        above = rest[low] if low >= 0 else _FARTHEST
        below = rest[high] if high < len(rest) else -_FARTHEST
        if low < 0 and not self._keeps(rest, above):
            return math.inf
        for _ in range(_HALVINGS):
            middle_value = (above + below) / 2
            above, below = (middle_value, below) if self._keeps(rest, middle_value) else (above, middle_value)
        return below if high < len(rest) or below > -_FARTHEST else -math.inf

    def _keeps(self, others: Sequence[float], value: float) -> bool:
        place = sum(other > value for other in others)
        return self.kept(sorted((*others, value), reverse=True)) > place
