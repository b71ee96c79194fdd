"""The servers behind one scorer: which is asked next, which are left alone, and how many requests each gets."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from .breaker import Breaker
from .concurrency import SLOWER, AdaptiveLimit
from .errors import NoEndpoint
from .retry import LONGEST_ASKED_S, Failure

_SMOOTH = 0.1
_LEAST_WEIGHT = 0.02
HANGING_S = 1.0
"""A server that is silent for a shorter time may have paused: to collect garbage, to fill a batch, to load a page."""


@dataclass(eq=False)
class Endpoint:
    """One server: its circuit breaker, its bound on requests, and how well it has answered of late."""

    url: str
    breaker: Breaker
    limit: AdaptiveLimit
    under_way: int = 0
    resting_until: float = float("-inf")
    health: float = 1.0
    """The share of recent requests that were answered, in [0, 1]."""
    credit: float = 0.0
    last_answer: float = float("-inf")
    newest_answered: float = float("-inf")
    """When the request was sent that was sent last of all that have been answered."""
    silent_since: float | None = None
    """Since when it has given no sign of life though it was asked; None where nobody has asked since the last one."""
    idle_since: float | None = None
    """Since when nobody asks it, where it has been silent: such time is no silence."""
    probes: int = 0
    """How many requests have been sent once more because it is silent, in this silence."""
    probed: float = float("-inf")
    last_failure: str = ""


@dataclass(eq=False)
class Fleet:
    """Gives out endpoints, each as often as its health and speed say, and learns from what comes of it.

    Not thread-safe: everything happens on one event loop. ``clock`` gives seconds that never go back.
    """

    urls: Sequence[str]
    most: int
    clock: Callable[[], float] = time.monotonic
    endpoints: list[Endpoint] = field(init=False)
    _waiting: "deque[asyncio.Future[None]]" = field(default_factory=deque, init=False)

    def __post_init__(self) -> None:
        self.endpoints = [
            Endpoint(url, Breaker(clock=self.clock), AdaptiveLimit(self.most, clock=self.clock)) for url in self.urls
        ]

    async def lease(self, tried: Collection[Endpoint], until: Callable[[], float | None]) -> Endpoint:
        """An endpoint with room for a request, if possible one not yet ``tried``; waits for one.

        Every lease is given back with ``release``. Raises NoEndpoint where all are left alone after failures, or ask
        for a rest that lasts beyond ``until``.
        """
        again = False
        try:
            while True:
                ready = [each for each in self.endpoints if self._is_ready(each)]
                free = [each for each in ready if each.under_way < each.limit.allowed]
                if free:
                    chosen = self._next([each for each in free if each not in tried] or free)
                    self._begin(chosen)
                    return chosen
                await self._turn(self._until_another_is_ready() if ready else self._shortest_rest(until()), again)
                again = True
        except BaseException:
            # No request of this caller will end and wake the next one, who may be the last that anybody wakes.
            self._wake()
            raise

    def release(self, endpoint: Endpoint, failure: Failure | None, seconds: float) -> None:
        """A request came to an end after so many seconds: answered, or with a failure."""
        try:
            self._learn(endpoint, failure, seconds)
        finally:
            self._end(endpoint)

    def abandon(self, endpoint: Endpoint, seconds: float, *, is_given_up: bool = True) -> None:
        """A request was cancelled after so many seconds: nobody waits for it any more, or it was sent once more."""
        usual = endpoint.limit.latency
        long = HANGING_S if usual is None else SLOWER * usual
        if seconds > long:
            endpoint.health -= _SMOOTH * endpoint.health
        if is_given_up and seconds > long and self.silence(endpoint) > max(HANGING_S, long):
            # Callers with short deadlines would never find out that a server hangs.
            endpoint.last_failure = f"{endpoint.url} has not answered for {self.silence(endpoint):.3g} s"
            endpoint.breaker.failed(seconds, endpoint.under_way)
        else:
            endpoint.breaker.forgotten(seconds)
        self._end(endpoint)

    def silence(self, endpoint: Endpoint) -> float:
        """For how many seconds it has been asked and has given no sign of life."""
        return 0.0 if endpoint.silent_since is None else self.clock() - endpoint.silent_since

    def has_room(self) -> bool:
        """Whether nobody waits for a server and one of them could take another request at once."""
        return not self._waiting and any(
            each.under_way < each.limit.allowed and self._is_ready(each) for each in self.endpoints
        )

    def may_probe(self, endpoint: Endpoint, patience: float) -> bool:
        """Whether one more request may go to a server that is silent: one each ``patience``, then twice that, ..."""
        if self.clock() - endpoint.probed < patience * 2.0**endpoint.probes:
            return False
        endpoint.probes, endpoint.probed = endpoint.probes + 1, self.clock()
        return True

    def may_ask(self) -> bool:
        """Whether a request could be sent now, or as soon as another ends."""
        return any(map(self._is_ready, self.endpoints))

    def _begin(self, endpoint: Endpoint) -> None:
        now = self.clock()
        endpoint.under_way += 1
        endpoint.breaker.began()
        if endpoint.silent_since is None:
            endpoint.silent_since = now
        elif endpoint.idle_since is not None:
            endpoint.silent_since += now - endpoint.idle_since
        endpoint.idle_since = None

    def _learn(self, endpoint: Endpoint, failure: Failure | None, seconds: float) -> None:
        if failure is None or failure.kind not in ("timeout", "unreachable"):
            endpoint.silent_since = self.clock() if endpoint.under_way > 1 else None
            endpoint.probes, endpoint.probed = 0, float("-inf")
        well = 0.0 if failure is not None and failure.retried else 1.0
        endpoint.health += _SMOOTH * (well - endpoint.health)
        if failure is None:
            endpoint.last_answer = self.clock()
            endpoint.newest_answered = max(endpoint.newest_answered, self.clock() - seconds)
            endpoint.limit.answered(seconds, endpoint.under_way)
            endpoint.breaker.succeeded()
            return
        endpoint.last_failure = failure.message
        if failure.blames_server:
            self._failed(endpoint, seconds)
            return
        # A server that refuses, or says that it is busy, is a server that answers.
        endpoint.breaker.succeeded()
        if failure.kind != "overloaded":
            return
        endpoint.limit.overloaded()
        if (rest_s := failure.rest_s or 0.0) > LONGEST_ASKED_S:
            endpoint.breaker.leave_alone(LONGEST_ASKED_S)
        elif rest_s:
            endpoint.resting_until = max(endpoint.resting_until, self.clock() + rest_s)

    def _failed(self, endpoint: Endpoint, seconds: float) -> None:
        """A request failed after so long. A server that answers others in the time that an answer takes is not gone.

        Failures are often quicker than answers: of requests sent together they come first, and in a row.
        """
        usual = min(HANGING_S, endpoint.limit.latency or 0.0)
        if endpoint.last_answer > self.clock() - max(seconds, usual):
            endpoint.breaker.forgotten(seconds)
        else:
            endpoint.breaker.failed(seconds, endpoint.under_way)

    def another(self, tried: Collection[Endpoint]) -> bool:
        """Whether there is an endpoint that could be asked at once and has not been tried."""
        return any(each not in tried and self._is_ready(each) for each in self.endpoints)

    def _is_ready(self, endpoint: Endpoint) -> bool:
        """Whether it may be asked now, as far as its failures and its own wishes go."""
        return endpoint.breaker.allows() and self._rest(endpoint) <= 0

    def _rest(self, endpoint: Endpoint) -> float:
        return endpoint.resting_until - self.clock()

    def _next(self, choices: Sequence[Endpoint]) -> Endpoint:
        """Smooth weighted round robin: each gains its weight, the richest is taken and pays for all."""
        quickest = min((each.limit.latency or 0.0 for each in choices), default=0.0)
        total = 0.0
        for each in choices:
            speed = quickest / each.limit.latency if each.limit.latency else 1.0
            weight = max(_LEAST_WEIGHT, each.health * max(speed, 0.1))
            each.credit += weight
            total += weight
        chosen = max(choices, key=lambda each: each.credit)
        chosen.credit -= total
        return chosen

    def _until_another_is_ready(self) -> float | None:
        """Seconds until an endpoint that may not be asked now may be; None where no time is known."""
        rests = [max(self._rest(each), each.breaker.rest()) for each in self.endpoints]
        return min((rest for rest in rests if 0 < rest < float("inf")), default=None)

    def _shortest_rest(self, until: float | None) -> float:
        """Seconds until one of the endpoints may be asked again. Raises NoEndpoint where waiting is no use."""
        if not any(each.breaker.allows() for each in self.endpoints):
            raise NoEndpoint(f"every server is left alone for a while after failures: {self._told()}")
        shortest = self._until_another_is_ready() or 0.0
        if until is not None and self.clock() + shortest >= until:
            raise NoEndpoint(f"no server may be asked for {shortest:.3g} s: {self._told()}")
        return max(shortest, 0.001)

    def _told(self) -> str:
        return "; ".join(dict.fromkeys(each.last_failure or each.url for each in self.endpoints))

    async def _turn(self, seconds: float | None, again: bool) -> None:
        """Waits until a request ended, or so long. Who has waited before stands in front."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._waiting.appendleft if again else self._waiting.append)(turn)
        try:
            await asyncio.wait({turn}, timeout=seconds)
        finally:
            turn.cancel()
            if turn in self._waiting:
                self._waiting.remove(turn)

    def _end(self, endpoint: Endpoint) -> None:
        endpoint.under_way -= 1
        if not endpoint.under_way and endpoint.silent_since is not None:
            endpoint.idle_since = self.clock()
        # The bound may have grown: as many as there is room for, and one where a half-open server was tried.
        for _ in range(max(1, min(2, endpoint.limit.allowed - endpoint.under_way))):
            self._wake()

    def _wake(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
