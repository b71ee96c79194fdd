"""How many requests a server gets at once: fewer when it is overloaded, one more at a time while it is well (AIMD)."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

SLOWER = 4.0
"""Answers that take this many times as long as the server's quickest ones are a sign of a queue there."""

_SMOOTH = 0.2
_DRIFT = 0.01


@dataclass
class AdaptiveLimit:
    """A bound on requests under way, between 1 and ``most``: additive increase, multiplicative decrease.

    It begins at ``most``. Being told to slow down (429, 503) halves it, at most once within the time that an answer
    takes; answers that are ``SLOWER`` times slower than usual while the bound is used take a tenth off; each answer
    in time adds 1 / bound, and so 1 for each round of requests. ``clock`` gives seconds that never go back.

    >>> limit = AdaptiveLimit(8, clock=lambda: 0.0)
    >>> limit.overloaded()
    >>> limit.allowed
    4
    """

    most: int
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    _bound: float = field(default=0.0, init=False)
    _latency: float | None = field(default=None, init=False)
    _usual: float | None = field(default=None, init=False)
    _quiet_until: float = field(default=float("-inf"), init=False)

    def __post_init__(self) -> None:
        self._bound = float(self.most)

    @property
    def allowed(self) -> int:
        """How many requests may be under way."""
        return max(1, int(self._bound))

    @property
    def latency(self) -> float | None:
        """Seconds that an answer takes of late; None before the first."""
        return self._latency

    def answered(self, seconds: float, under_way: int) -> None:
        """An answer came after so many seconds, with so many requests under way."""
        self._latency = seconds if self._latency is None else self._latency + _SMOOTH * (seconds - self._latency)
        # The quickest answers are the measure; it drifts up, so that a server that has become slower is believed.
        self._usual = seconds if self._usual is None else min(seconds, self._usual * (1 + _DRIFT))
        if self._latency > SLOWER * self._usual and under_way > self._bound / 2:
            self._lower(0.9)
        else:
            self._bound = min(float(self.most), self._bound + 1 / self._bound)

    def overloaded(self) -> None:
        """The server said that it has too much to do."""
        self._lower(0.5)

    def _lower(self, factor: float) -> None:
        # Requests that were under way together fail together: that is one sign, not many.
        now = self.clock()
        if now >= self._quiet_until:
            self._bound = max(1.0, self._bound * factor)
            self._quiet_until = now + (self._latency or 0.0)
