"""Blocking calls kept off the event loop, on threads of their own."""

import asyncio
import contextvars
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# Searches mostly wait for a store; asyncio's own pool has six threads on two cores, and everything queues there.
_THREADS = 32


@cache
def _pool(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix=f"tamis-{name}")


if hasattr(os, "register_at_fork"):
    # A forked process has the pools but none of their threads: work given to them would never be done.
    os.register_at_fork(after_in_child=_pool.cache_clear)


def started(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
    """``work`` running in a thread, with the caller's context variables (spans, tokens of tracing) as they are.

    It must start no work itself: if all threads waited for each other's work, none would be left to do it.

    >>> started(sum, [1, 2]).result()
    3
    """
    return _submitted("side", work, *args, **kwargs)


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of ``work``, run in a thread while the event loop goes on. It may use ``started``.

    >>> asyncio.run(in_thread(sum, [1, 2]))
    3
    """
    return await asyncio.wrap_future(_submitted("blocking", work, *args, **kwargs))


def _submitted(pool: str, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
    return _pool(pool).submit(contextvars.copy_context().run, partial(work, *args, **kwargs))
