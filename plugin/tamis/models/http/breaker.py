"""A circuit breaker: after failures a server is left alone for a while, then tried with one request."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

State = Literal["closed", "open", "half-open"]

_MOST_DOUBLINGS = 32


@dataclass
class Breaker:
    """Decides whether a server may be asked.

    Closed: it may. ``failures`` failures in a row, and as many as there were requests under way, open it: for
    ``cooldown_s`` it may not. Then it is half-open: one request may try, whose success closes it and whose failure
    opens it again for twice as long, at most ``longest_s``. A trial that never came to an end (it was cancelled) is
    given back with ``forgotten``. ``seconds`` are those since a request was sent: what was sent before it opened is no
    trial. ``clock`` gives seconds that never go back.

    >>> breaker = Breaker(failures=1, clock=lambda: 0.0)
    >>> breaker.failed()
    >>> breaker.state, breaker.allows()
    ('open', False)
    """

    failures: int = 8
    cooldown_s: float = 1.0
    longest_s: float = 30.0
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    _in_a_row: int = field(default=0, init=False)
    _opened: int = field(default=0, init=False)
    _until: float = field(default=float("-inf"), init=False)
    _trying: bool = field(default=False, init=False)

    @property
    def state(self) -> State:
        """Closed, open or half-open, now."""
        if not self._opened:
            return "closed"
        return "open" if self.clock() < self._until else "half-open"

    def allows(self) -> bool:
        """Whether a request may be sent now."""
        state = self.state
        return state == "closed" or (state == "half-open" and not self._trying)

    def rest(self) -> float:
        """Seconds until one may be sent; 0 where it may, infinite while a trial is under way."""
        if self.allows():
            return 0.0
        return float("inf") if self._trying else max(0.0, self._until - self.clock())

    def began(self) -> None:
        """A request is sent; in the half-open state it is the one that tries."""
        if self.state == "half-open":
            self._trying = True

    def succeeded(self) -> None:
        """A request was answered: the server is well."""
        self._in_a_row, self._opened, self._trying = 0, 0, False

    def failed(self, seconds: float = 0.0, under_way: int = 0) -> None:
        """A request failed by the server's fault, one of so many under way: what was sent together fails together.

        What was sent before it opened says nothing new, and must not lengthen the rest.
        """
        if self._opened and self.clock() - seconds < self._until:
            return
        self._in_a_row += 1
        if self._opened or self._in_a_row >= max(self.failures, under_way):
            self.leave_alone(min(self.longest_s, self.cooldown_s * 2.0 ** min(self._opened, _MOST_DOUBLINGS)))

    def leave_alone(self, seconds: float) -> None:
        """Opens it for so long, whatever has been."""
        self._until = self.clock() + seconds
        self._opened += 1
        self._trying = False

    def forgotten(self, seconds: float = 0.0) -> None:
        """A request ended without telling anything about the server."""
        if self.clock() - seconds >= self._until:
            self._trying = False
