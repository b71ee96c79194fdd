"""The one event loop that all requests run on, in a thread of its own, whoever asks: threads, loops, or plain code.

One loop for everybody means one pool of connections, one count of requests under way and one judgement of each
server, with no locks; synchronous callers work inside a running event loop too; and encoding and parsing never hold
up a caller's own loop. The thread is a daemon, begun on first use and ended by ``close`` or when the program ends.
"""

import asyncio
import atexit
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any, TypeVar

T = TypeVar("T")
Closer = Callable[[], Awaitable[None]]

_JOIN_S = 5.0


class Worker:
    """A thread with an event loop. ``closers`` are awaited there before it ends."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.closers: list[Closer] = []
        self.thread = threading.Thread(target=self._run, name="tamis-http", daemon=True)
        self.thread.start()

    def submit(self, work: Callable[[], Coroutine[Any, Any, T]]) -> "Future[T]":
        """Starts the coroutine that ``work`` makes, in a copy of the caller's context; cancelling reaches it."""
        done: Future[T] = Future()

        def begin() -> None:
            if done.cancelled():
                return
            task = self.loop.create_task(work())
            task.add_done_callback(lambda finished: _hand_over(finished, done))
            done.add_done_callback(lambda asked: self._given_up(asked, task))

        self.loop.call_soon_threadsafe(begin, context=copy_context())
        return done

    def _given_up(self, asked: "Future[Any]", task: "asyncio.Task[Any]") -> None:
        if asked.cancelled() and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(task.cancel)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            self.loop.run_until_complete(self._end())
        finally:
            asyncio.set_event_loop(None)
            self.loop.close()

    async def _end(self) -> None:
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await asyncio.gather(*(close() for close in self.closers), return_exceptions=True)
        # A transport that was closed lets go of its socket one turn of the loop later.
        await asyncio.sleep(0)
        await self.loop.shutdown_asyncgens()
        await self.loop.shutdown_default_executor()

    def end(self) -> None:
        """Cancels what is under way, closes all connections and ends the thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(_JOIN_S)


def _hand_over(finished: "asyncio.Task[T]", done: "Future[T]") -> None:
    """The task's outcome to the caller, who may have stopped waiting."""
    if finished.cancelled():
        done.cancel()
        # Tells those who wait in ``result``; without it they would never wake.
        done.set_running_or_notify_cancel()
        return
    error = finished.exception()
    if not done.set_running_or_notify_cancel():
        return
    if error is not None:
        done.set_exception(error)
    else:
        done.set_result(finished.result())


_lock = threading.Lock()
_worker: Worker | None = None


def worker() -> Worker:
    """The running worker, begun if there is none."""
    global _worker
    with _lock:
        if _worker is None:
            _worker = Worker()
        return _worker


def call(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs a coroutine on the worker's loop and waits for it, blocking this thread."""
    done = worker().submit(work)
    try:
        return done.result()
    except BaseException:
        done.cancel()
        raise


async def acall(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs a coroutine on the worker's loop and awaits it on this one; cancelling reaches it."""
    return await asyncio.wrap_future(worker().submit(work))


def close() -> None:
    """Closes every connection and ends the thread; the next request begins anew. Calls under way are cancelled."""
    global _worker
    with _lock:
        ended, _worker = _worker, None
    if ended is not None:
        ended.end()


def _forget() -> None:
    """After a fork the thread is the parent's: the child begins its own."""
    global _worker, _lock
    _worker, _lock = None, threading.Lock()


atexit.register(close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
