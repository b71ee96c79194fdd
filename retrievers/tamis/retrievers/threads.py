"""Blocking calls kept off the event loop, on threads of their own."""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# Searches mostly wait for a store; asyncio's own pool has six threads on two cores, and everything queues there.
_THREADS = 32


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="tamis-retrieval")


def started(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
    """``work`` running in a thread, with the caller's context variables (spans, tokens of tracing) as they are.

    >>> started(sum, [1, 2]).result()
    3
    """
    return _pool().submit(contextvars.copy_context().run, partial(work, *args, **kwargs))


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of ``work``, run in a thread while the event loop goes on.

    >>> asyncio.run(in_thread(sum, [1, 2]))
    3
    """
    return await asyncio.wrap_future(started(work, *args, **kwargs))
