"""An event loop for one run, which ends when the run has, whatever the target left in it."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from .threads import DaemonThreads

T = TypeVar("T")
_ENDING_S = 2.0


def run_to_its_end(main: Coroutine[Any, Any, T], patience_s: float = _ENDING_S) -> T:
    """The result of ``main``. As ``asyncio.run``, Ctrl-C included, but it waits for no other task for ever.

    What is left when ``main`` is done is cancelled, and has ``patience_s`` seconds to end. A task that swallows its
    cancellation is then left alone. So are threads.
    """
    runner = asyncio.Runner()
    loop = runner.get_loop()
    # A target may answer in a thread, as many at once as there are workers, and one that hangs must not keep us.
    loop.set_default_executor(DaemonThreads())
    try:
        return runner.run(main)
    finally:
        try:
            runner.run(_ended(patience_s))
        finally:
            if stubborn := asyncio.all_tasks(loop):
                _keep(stubborn)
            loop.close()
            asyncio.set_event_loop(None)


def _keep(tasks: set[asyncio.Task[Any]]) -> None:
    """Holds unfinished tasks in a thread that ends with the program.

    Thrown away, also at the end of the program, each would be woken once more, and one that swallows everything would
    never let go.
    """

    def hold(held: set[asyncio.Task[Any]]) -> None:
        threading.Event().wait()

    threading.Thread(target=hold, args=(tasks,), name="tamis-left-alone", daemon=True).start()


async def _ended(seconds: float) -> None:
    """Cancels every other task, and waits for them and for unfinished asynchronous generators, but not longer."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    if others:
        done, _ = await asyncio.wait(others, timeout=seconds)
        for task in done:
            if not task.cancelled():
                # Looked at, so that asyncio does not complain of an error that nobody saw.
                task.exception()
    generators = asyncio.ensure_future(loop.shutdown_asyncgens())
    await asyncio.wait({generators}, timeout=max(0.1, until - loop.time()))
