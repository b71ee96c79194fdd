"""A request that is watched: it rings when it takes so long that another try is worth its cost."""

import asyncio
from dataclasses import dataclass, field

from .fleet import HANGING_S, Endpoint, Fleet

PATIENCE = 8.0
"""A request that takes so many times as long as usual may hang; its second try twice as many, and so on."""
SHORTEST_PATIENCE_S = 0.1
_LOOK_AGAIN_S = 0.05


@dataclass(eq=False)
class Watch:
    """Watches a request to ``endpoint``, the ``tries``-th of its kind, and rings once, by ``overdue``.

    A server that works through a queue makes everybody wait, and asking it again makes the queue longer. So a request
    that takes much longer than usual is overdue only where later ones have been answered before it, or where the
    server has been silent for as long, and for ``HANGING_S`` at least where another request would have to end for the
    new one. Of the requests that wait for a silent server one is sent again, after a while another: if that is
    answered, the others have been passed over. Nothing rings while no server may be asked.
    """

    fleet: Fleet
    endpoint: Endpoint
    tries: int
    overdue: "asyncio.Future[None]"
    began: float = field(init=False)
    _next: asyncio.TimerHandle | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.began = self.fleet.clock()
        self._look_in(self._patience())

    def stop(self) -> None:
        """The request has come to an end."""
        if self._next is not None:
            self._next.cancel()

    def _patience(self) -> float:
        """Seconds; what is usual may change while the request is under way."""
        usual = self.endpoint.limit.latency or 0.0
        return max(SHORTEST_PATIENCE_S, PATIENCE * usual) * 2.0 ** (self.tries - 1)

    def _look_in(self, seconds: float) -> None:
        self._next = asyncio.get_running_loop().call_later(max(_LOOK_AGAIN_S, seconds), self._look)

    def _look(self) -> None:
        now, patience = self.fleet.clock(), self._patience()
        early = patience - (now - self.began)
        if self.overdue.done():
            return
        # Of a server that has never answered nothing is known to be usual.
        if early > 0 or self.endpoint.limit.latency is None:
            self._look_in(early)
            return
        silence = min(now - self.began, self.fleet.silence(self.endpoint))
        is_overtaken = self.endpoint.newest_answered > self.began
        is_silent = silence >= (patience if self.fleet.has_room() else max(HANGING_S, patience))
        if self.fleet.may_ask() and (is_overtaken or (is_silent and self.fleet.may_probe(self.endpoint, patience))):
            self.overdue.set_result(None)
        else:
            self._look_in(patience - silence)
