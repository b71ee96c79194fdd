"""Batcher: what several queries ask of one model at the same time goes to it in one call."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from tamis.models.counting import count_all, counted
from tamis.models.deadline import until

from .choosing import Ask, Reply

JointCall = Callable[[Sequence[Ask]], Awaitable[list[list[Reply]]]]

PATIENCE_S = 0.005
"""How long an ask waits for those of other queries that are busy otherwise, in seconds."""


# Compared by identity: two asks with the same prompts are two asks.
@dataclass(eq=False)
class Waiting:
    """One ask, who waits for its replies, and its share of what the joint call counted."""

    ask: Ask
    replies: "asyncio.Future[list[Reply]]"
    counts: Mapping[str, int] = field(default_factory=dict)


class Batcher:
    """Joins asks into calls of at most ``most`` prompts, on one event loop.

    ``call`` makes a joint call. An ask goes off as soon as every query at work (``at_work``) waits for a reply, when
    ``most`` prompts have come together, or after PATIENCE_S: one query alone never waits.
    """

    def __init__(self, call: JointCall, most: int) -> None:
        self._call, self._most = call, most
        self._queries = 0
        self._pending: list[Waiting] = []
        self._away: dict[asyncio.Task[None], list[Waiting]] = {}
        self._timer: asyncio.TimerHandle | None = None

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Inside, a query is at work, and others wait a moment for what it will ask."""
        self._queries += 1
        try:
            yield
        finally:
            self._queries -= 1
            self._look()

    async def ask(self, ask: Ask) -> list[Reply]:
        """The replies, from a call that may be shared. What it counted is shared out and counted here."""
        waiting = Waiting(ask, asyncio.get_running_loop().create_future())
        self._pending.append(waiting)
        self._look()
        try:
            replies = await waiting.replies
        except asyncio.CancelledError:
            self._leave(waiting)
            raise
        count_all(waiting.counts)
        return replies

    def _look(self) -> None:
        """Sends off what need not wait any longer."""
        if not self._pending:
            return
        if sum(len(one.ask.prompts) for one in self._pending) >= self._most or self._all_wait():
            self._send()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PATIENCE_S, self._send)

    def _all_wait(self) -> bool:
        return len(self._pending) + sum(map(len, self._away.values())) >= self._queries

    def _send(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        pending, self._pending = self._pending, []
        for group in grouped(pending, self._most):
            # In a context of its own: the deadline and the counts of whoever asked last are not those of the others.
            task = asyncio.get_running_loop().create_task(self._joint(group), context=Context())
            self._away[task] = group
            task.add_done_callback(lambda done: self._away.pop(done, None))

    async def _joint(self, group: list[Waiting]) -> None:
        try:
            with until(latest([one.ask for one in group])), counted() as counts:
                replies = await self._call([one.ask for one in group])
        except asyncio.CancelledError:
            for one in group:
                one.replies.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - whoever waits is to see it
            for one in group:
                if not one.replies.done():
                    one.replies.set_exception(error)
            return
        shares = shared_out(counts.to_dict(), [len(one.ask.prompts) for one in group])
        for one, found, share in zip(group, replies, shares, strict=True):
            if not one.replies.done():
                one.counts = share
                one.replies.set_result(found)

    def _leave(self, waiting: Waiting) -> None:
        """Nobody waits for this ask any more; a call that nobody waits for is cancelled."""
        if waiting in self._pending:
            self._pending.remove(waiting)
        for task, group in self._away.items():
            if waiting in group and all(one.replies.done() for one in group):
                task.cancel()


class Batchers:
    """One Batcher for each event loop, made when it is needed; a copy begins with none."""

    def __init__(self) -> None:
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Batcher] = WeakKeyDictionary()

    def here(self, make: Callable[[], Batcher]) -> Batcher:
        """The running event loop's."""
        loop = asyncio.get_running_loop()
        if loop not in self._by_loop:
            self._by_loop[loop] = make()
        return self._by_loop[loop]

    def __reduce__(self) -> "tuple[type[Batchers], tuple[()]]":
        return Batchers, ()


def grouped(asks: Sequence[Any], most: int) -> Iterator[list[Any]]:
    """Runs of asks with at most ``most`` prompts together; one that has more stays whole."""
    group: list[Any] = []
    size = 0
    for one in asks:
        ask = one.ask if isinstance(one, Waiting) else one
        if group and size + len(ask.prompts) > most:
            yield group
            group, size = [], 0
        group.append(one)
        size += len(ask.prompts)
    if group:
        yield group


def latest(asks: Sequence[Ask]) -> float | None:
    """When the last of those who ask stops waiting; None where one never does."""
    moments = [ask.until for ask in asks if ask.until is not None]
    return max(moments) if len(moments) == len(asks) else None


def shared_out(counts: Mapping[str, int], sizes: Sequence[int]) -> list[dict[str, int]]:
    """Counts divided in proportion to sizes, in whole numbers that add up.

    >>> shared_out({"tokens": 10}, [1, 2])
    [{'tokens': 3}, {'tokens': 7}]
    """
    total = sum(sizes) or 1
    shares: list[dict[str, int]] = [{} for _ in sizes]
    for quantity, amount in counts.items():
        before = done = 0
        for share, size in zip(shares, sizes, strict=True):
            before += size
            upto = amount * before // total
            if upto > done:
                share[quantity] = upto - done
            done = upto
    return shares
