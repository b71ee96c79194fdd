"""Streams units through a bounded window: some being prepared, some at the target, some being judged and written."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Executor
from itertools import islice
from typing import NamedTuple

from .journal import Journal
from .unit import Finished, Unit

_AHEAD = 32
_PULLED = 16


class Progress(NamedTuple):
    """How far a run is: records written, of how many, and how many of those written now have no trace."""

    done: int
    total: int
    lost: int


class Tally:
    """Counts what was written, and tells whoever wants to know."""

    def __init__(self, done: int, total: int, tell: Callable[[Progress], None] | None) -> None:
        self._tell = tell
        self.state = Progress(done, total, 0)
        self._say()

    def finished(self, lost: bool) -> None:
        """One more is on the disk."""
        self.state = Progress(self.state.done + 1, self.state.total, self.state.lost + lost)
        self._say()

    def _say(self) -> None:
        if self._tell is not None:
            self._tell(self.state)


def window_of(workers: int) -> int:
    """How many units may be in memory at once: the workers', and enough beside them that none waits for a disk."""
    return 2 * workers + _AHEAD


async def run_units(
    todo: Iterator[Unit],
    work: Callable[[Unit], Awaitable[Finished]],
    journal: Journal,
    *,
    window: int,
    tally: Tally,
    threads: Executor,
) -> None:
    """Runs what is to do, at most ``window`` units in memory; a unit counts when the journal has it on the disk.

    Raises RunStopped where the journal cannot be written, and what the data raise while they are read; what was
    finished before is in the journal then.
    """
    loop = asyncio.get_running_loop()
    room = asyncio.Semaphore(window)

    async def one(unit: Unit) -> None:
        try:
            finished = await work(unit)
            await asyncio.wrap_future(journal.append(finished.line))
            tally.finished(finished.lost)
        finally:
            room.release()

    try:
        async with asyncio.TaskGroup() as group:
            # Read in a thread: a line may hold megabytes.
            while batch := await loop.run_in_executor(threads, lambda: list(islice(todo, _PULLED))):
                for unit in batch:
                    await room.acquire()
                    group.create_task(one(unit))
    except BaseExceptionGroup as several:
        # They fail together, for one reason: the first tells it.
        raise several.exceptions[0] from None
