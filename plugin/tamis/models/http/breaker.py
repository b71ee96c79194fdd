"""A circuit breaker: after failures a server is left alone for a while, then tried with one request."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

State = Literal["closed", "open", "half-open"]


@dataclass
class Breaker:
    """Decides whether a server may be asked.

    Closed: it may. ``failures`` failures in a row, and as many as there were requests under way, open it: for
    ``cooldown_s`` it may not. Then it is half-open: one request may try, whose success closes it and whose failure
    opens it again for twice as long, at most ``longest_s``. A trial that never came to an end (it was cancelled) is
    given back with ``forgotten``. ``clock`` gives seconds that never go back.

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
    _until: float = field(default=0.0, init=False)
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

    def began(self) -> None:
        """A request is sent; in the half-open state it is the one that tries."""
        if self.state == "half-open":
            self._trying = True

    def succeeded(self) -> None:
        """A request was answered: the server is well."""
        self._in_a_row, self._opened, self._trying = 0, 0, False

    def failed(self, under_way: int = 0) -> None:
        """A request failed by the server's fault, one of so many under way: what was sent together fails together."""
        state = self.state
        self._in_a_row += 1
        # What fails while it is open was sent before: it says nothing new, and must not lengthen the rest.
        if state == "half-open" or (state == "closed" and self._in_a_row >= max(self.failures, under_way)):
            self._until = self.clock() + min(self.longest_s, self.cooldown_s * 2.0**self._opened)
            self._opened += 1
            self._trying = False

    def forgotten(self) -> None:
        """A request ended without telling anything about the server."""
        self._trying = False
