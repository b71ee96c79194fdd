"""How long an attack or a metric may take: generous, and yet no case waits for ever for one that hangs."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
_LEAST_S = 60.0
_DEADLINES = 10


class TookTooLong(Exception):
    """A call in a thread did not end in its time; the thread is left alone."""


@dataclass(frozen=True)
class Patience:
    """Runs calls in threads, and waits ``seconds`` for each, None: for as long as it takes."""

    threads: Executor
    seconds: float | None

    async def call(self, work: Callable[[], T], steps: Callable[[], int] = lambda: 0) -> T:
        """What the call gives. Of one that counts its ``steps``, each has the time, and at most twice as much.

        Raises TookTooLong, and whatever the call raises.
        """
        waiting = asyncio.get_running_loop().run_in_executor(self.threads, work)
        before = -1
        try:
            while not waiting.done() and (now := steps()) > before:
                before = now
                await asyncio.wait({waiting}, timeout=self.seconds)
        finally:
            waiting.cancel()
        if waiting.cancelled():
            raise TookTooLong(f"it did not end within {self.seconds:g} s")
        return waiting.result()


def patience_of(deadline_s: float) -> float:
    """The seconds that an attack or a metric may take, where the target may take ``deadline_s``.

    >>> patience_of(1.0), patience_of(60.0)
    (60.0, 600.0)
    """
    return max(_LEAST_S, _DEADLINES * deadline_s)
