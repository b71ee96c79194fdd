"""Blocking targets kept off the event loop, each call on a thread of its own that nobody has to wait for."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

from .errors import TargetError

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of ``work``, run in a thread with the caller's context variables.

    Cancelling it lets go of the thread, which cannot be stopped: it goes on as a daemon, takes no place that another
    call needs, and does not keep the process from ending. ``SystemExit`` and its like become a TargetError.

    >>> asyncio.run(in_thread(sum, [1, 2]))
    3
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def settle(result: T | None, error: Exception | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # None only where T allows it

    def run() -> None:
        result: T | None = None
        error: Exception | None = None
        try:
            result = context.run(work, *args, **kwargs)
        except Exception as raised:  # noqa: BLE001  # it goes to the caller
            error = raised if not isinstance(raised, StopIteration) else TargetError(said(raised))
        except BaseException as raised:  # noqa: BLE001  # a target's sys.exit() ends its own case, not the run
            error = TargetError(said(raised))
        # The loop is closed where the run was given up.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="tamis-target", daemon=True).start()
    return await done


def said(error: BaseException) -> str:
    """That a target raised what no target should.

    >>> said(SystemExit(3))
    'the target raised SystemExit: 3'
    """
    return f"the target raised {type(error).__name__}: {error}"
