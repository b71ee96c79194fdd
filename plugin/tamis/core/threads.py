"""Blocking calls on daemon threads of their own: whoever gives one up waits for it no more, at the end neither."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def begun(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
    """The call under way in a thread, with the caller's context variables.

    A thread each, as no number of calls that hang may keep another one waiting. It cannot be stopped, and does not keep
    the program from ending.

    >>> begun(sum, [1, 2]).result()
    3
    """
    future: Future[T] = Future()
    # It cannot be taken back any more.
    future.set_running_or_notify_cancel()
    context = copy_context()
    work = threading.Thread(
        target=_settle, args=(future, lambda: context.run(call, *args, **kwargs)), name="tamis-call", daemon=True
    )
    work.start()
    return future


async def in_thread(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What the call returns, the event loop free meanwhile. Cancelling ends the waiting, not the call (see ``begun``).

    Not ``asyncio.to_thread``: the threads behind that one are few, shared with everybody, and waited for at the end.

    >>> asyncio.run(in_thread(sum, [1, 2]))
    3
    """
    return await asyncio.wrap_future(begun(call, *args, **kwargs))


def _settle(future: "Future[Any]", call: Callable[[], Any]) -> None:
    try:
        future.set_result(call())
    except StopIteration as error:
        # An event loop cannot hand one over: whoever waits would wait for ever.
        told = RuntimeError("the call raised StopIteration")
        told.__cause__ = error
        future.set_exception(told)
    except BaseException as error:  # noqa: BLE001 - it is handed to whoever waits for the result
        future.set_exception(error)
    finally:
        # An error's traceback holds this frame, and the frame would hold the error.
        del future, call
