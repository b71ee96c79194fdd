"""How a component behaves on an event loop: whether it holds it up, overlaps, and lets itself be cancelled.

Machines are noisy, so every measurement is repeated, and one good try is enough: a component that blocks blocks
every time.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from .assertions import CannotTell, Unmet

T = TypeVar("T")
Call = Callable[[], Awaitable[Any]]

LIMIT_S = 60.0
"""No single call may take longer."""
QUICK_S = 0.1
"""A call shorter than this says nothing about blocking, overlap or cancellation."""
HOLD_S = 0.08
"""How long the loop may be held up at once, in seconds, before the share of the call is looked at."""

_BEAT_S = 0.005
_TRIES = 3
_MANY = 5


def run(work: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result, from an event loop of its own. Raises TimeoutError after LIMIT_S."""

    async def bounded() -> T:
        return await asyncio.wait_for(work, LIMIT_S)

    return asyncio.run(bounded())


def must_not_block(call: Call) -> None:
    """Raises Unmet if the event loop is held up for a third of the call; CannotTell if the call is quick."""

    async def tried() -> tuple[float, float]:
        longest, last = 0.0, time.perf_counter()

        async def beat() -> None:
            nonlocal longest, last
            while True:
                await asyncio.sleep(_BEAT_S)
                now = time.perf_counter()
                longest, last = max(longest, now - last - _BEAT_S), now

        heart = asyncio.create_task(beat())
        await asyncio.sleep(2 * _BEAT_S)
        longest, last = 0.0, time.perf_counter()
        start = last
        await call()
        end = time.perf_counter()
        heart.cancel()
        return end - start, max(longest, end - last)

    tries = []
    for _ in range(_TRIES):
        seconds, held = run(tried())
        if seconds < QUICK_S:
            raise CannotTell(_quick(seconds))
        if held < max(HOLD_S, seconds / 3):
            return
        tries.append((held, seconds))
    held, seconds = min(tries)
    raise Unmet(f"nothing else ran for {held:.2f} s of a call of {seconds:.2f} s, in the best of {_TRIES} tries")


def must_overlap(call: Call) -> None:
    """Raises Unmet if five calls at once take as long as five one after another; CannotTell if they are quick."""

    async def timed(number: int) -> float:
        start = time.perf_counter()
        await asyncio.gather(*(call() for _ in range(number)))
        return time.perf_counter() - start

    one = min(run(timed(1)) for _ in range(2))
    if one < QUICK_S:
        raise CannotTell(_quick(one))
    together = []
    for _ in range(_TRIES):
        together.append(run(timed(_MANY)))
        if together[-1] < 0.6 * _MANY * one:
            return
    raise Unmet(f"{_MANY} calls at once took {min(together):.2f} s; one takes {one:.2f} s")


def must_honour_cancellation(call: Call) -> None:
    """Raises Unmet if a cancelled or timed out call goes on, or the next call fails; CannotTell if it is quick."""

    async def one() -> float:
        start = time.perf_counter()
        await call()
        return time.perf_counter() - start

    seconds = run(one())
    if seconds < QUICK_S:
        raise CannotTell(_quick(seconds))

    async def cancelled() -> None:
        task = asyncio.ensure_future(call())
        await asyncio.sleep(seconds / 10)
        if task.done():
            raise Unmet("a call that was to be cancelled had already finished: nothing else could run beside it")
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return
        raise Unmet("a cancelled call swallowed its CancelledError and returned")

    async def timed_out() -> None:
        try:
            await asyncio.wait_for(call(), seconds / 10)
        except TimeoutError:
            return
        raise Unmet(f"a call with a timeout of {seconds / 10:.2f} s returned as if there were none")

    run(cancelled())
    run(timed_out())
    run(one())


def _quick(seconds: float) -> str:
    return (
        f"one call takes {seconds * 1000:.1f} ms, too quick to see it: "
        f"pass slow=, the same component with work that takes {2 * QUICK_S:.1f} s or more"
    )
