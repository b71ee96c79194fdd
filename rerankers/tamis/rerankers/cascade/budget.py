"""Budget: how much a call may cost."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tamis.core.errors import BadSetting


@dataclass(frozen=True)
class Budget:
    """What one query may cost: ``calls`` (passages put to a scorer), ``tokens`` of their texts, ``seconds``.

    None is no bound. Raises BadSetting for what is no positive number (calls and tokens may be 0).

    >>> Budget(calls=10).allows(calls=11)
    False
    """

    calls: int | None = None
    tokens: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name in ("calls", "tokens"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
                raise BadSetting(f"the budget's {name} are {value!r}; it must be a whole number, 0 or more")
        if self.seconds is not None and not (math.isfinite(self.seconds) and self.seconds > 0):
            raise BadSetting(f"the budget's seconds are {self.seconds!r}; it must be above 0")

    def allows(self, calls: int = 0, tokens: int = 0) -> bool:
        """Whether so much may be spent in all."""
        return (self.calls is None or calls <= self.calls) and (self.tokens is None or tokens <= self.tokens)

    def to_dict(self) -> dict[str, Any]:
        """The bounds as JSON."""
        return asdict(self)


class Spent:
    """What a call has spent of its budget."""

    def __init__(self, budget: Budget, tokens_of: Callable[[int], int]) -> None:
        self._budget, self._tokens_of = budget, tokens_of
        self._calls = self._tokens = 0

    def affordable(self, candidates: Sequence[int]) -> tuple[list[int], str]:
        """The first of these that there is budget for, which are spent by that; and what there was not enough of."""
        taken: list[int] = []
        for at in candidates:
            cost = self._tokens_of(at)
            if not self._budget.allows(calls=self._calls + 1):
                return taken, "the calls are spent"
            if not self._budget.allows(tokens=self._tokens + cost):
                return taken, "the tokens are spent"
            self._calls, self._tokens = self._calls + 1, self._tokens + cost
            taken.append(at)
        return taken, ""
