"""How many cases are put to the target at once: fewer while it fails or slows down under them, up to the workers."""

import asyncio
from collections import deque
from types import TracebackType

from tamis.models.http.concurrency import AdaptiveLimit

_LEAST_SEEN = 8


class Slots:
    """Lets in as many at once as the target bears, between 1 and ``most``, in the order in which they came.

    A connection that breaks, a timeout or a refusal for too much work halves the number. Slowness lowers it where every
    answer is slow: the quickest of the last ones is taken as the time that an answer takes, since a case that takes ten
    times as long as another is no sign of a queue.
    """

    def __init__(self, most: int) -> None:
        self._limit = AdaptiveLimit(most)
        self._recent: deque[float] = deque(maxlen=max(_LEAST_SEEN, most))
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._used = 0

    @property
    def allowed(self) -> int:
        """How many may be under way now."""
        return self._limit.allowed

    async def __aenter__(self) -> None:
        if self._used < self.allowed and not self._waiting:
            self._used += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # It was this one's turn already: the next one's, then.
                self._leave()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def answered(self, seconds: float) -> None:
        """The target answered after so many seconds."""
        self._recent.append(seconds)
        self._limit.answered(min(self._recent), self._used)

    def overloaded(self) -> None:
        """The target broke a connection, took too long or said that it has too much to do."""
        self._limit.overloaded()

    def _leave(self) -> None:
        self._used -= 1
        while self._waiting and self._used < self.allowed:
            turn = self._waiting.popleft()
            if not turn.done():
                self._used += 1
                turn.set_result(None)
