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
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

T = TypeVar("T")
Closer = Callable[[], Awaitable[None]]

_JOIN_S = 5.0
_LOOKUPS = 32
"""Threads in which names of servers are looked up: one that hangs must not hold up the others."""


class Ended(RuntimeError):
    """The worker takes no more work; another will."""


class Worker:
    """A thread with an event loop. ``closers`` are awaited there before it ends."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_default_executor(ThreadPoolExecutor(_LOOKUPS, "tamis-http-lookup"))
        self.closers: list[Closer] = []
        self._lock = threading.Lock()
        self._is_ending = False
        self.thread = threading.Thread(target=self._run, name="tamis-http", daemon=True)
        self.thread.start()

    def submit(self, work: Callable[[], Coroutine[Any, Any, T]]) -> "Future[T]":
        """Starts the coroutine that ``work`` makes, in a copy of the caller's context; cancelling reaches it.

        Raises Ended where the worker has been told to end.
        """
        done: Future[T] = Future()

        def begin() -> None:
            if done.cancelled():
                return
            try:
                task = self.loop.create_task(work())
            except BaseException as error:  # noqa: BLE001 - whoever waits is to hear of it
                done.set_running_or_notify_cancel()
                done.set_exception(error)
                return
            task.add_done_callback(lambda finished: _hand_over(finished, done))
            done.add_done_callback(lambda asked: self._given_up(asked, task))

        with self._lock:
            if self._is_ending:
                raise Ended("the worker has been told to end")
            # In the lock: what comes before the end is begun before it.
            self.loop.call_soon_threadsafe(begin, context=copy_context())
        return done

    def _given_up(self, asked: "Future[Any]", task: "asyncio.Task[Any]") -> None:
        if asked.cancelled() and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(task.cancel)

    def _run(self) -> None:
        _here.worker = self
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            self.loop.run_until_complete(self._end())
        finally:
            asyncio.set_event_loop(None)
            self.loop.close()

    async def _end(self) -> None:
        # Work that is cancelled may begin more.
        while rest := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)
        await asyncio.gather(*(close() for close in self.closers), return_exceptions=True)
        # A transport that was closed lets go of its socket one turn of the loop later.
        await asyncio.sleep(0)
        await self.loop.shutdown_asyncgens()

    def end(self) -> None:
        """Cancels what is under way, closes all connections and ends the thread."""
        with self._lock:
            self._is_ending = True
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


_here = threading.local()
_lock = threading.Lock()
_worker: Worker | None = None


def worker() -> Worker:
    """The running worker, begun if there is none."""
    global _worker
    with _lock:
        if _worker is None:
            _worker = Worker()
        return _worker


def here() -> Worker:
    """The worker on whose loop this runs, which may have been told to end; elsewhere the running one."""
    found: Worker | None = getattr(_here, "worker", None)
    return worker() if found is None else found


def _submit(work: Callable[[], Coroutine[Any, Any, T]]) -> "Future[T]":
    while True:
        try:
            return worker().submit(work)
        except Ended:
            # It was asked for just before it was told to end.
            continue


def call(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs a coroutine on the worker's loop and waits for it, blocking this thread."""
    done = _submit(work)
    try:
        return done.result()
    except BaseException:
        done.cancel()
        raise


async def acall(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs a coroutine on the worker's loop and awaits it on this one; cancelling reaches it."""
    return await asyncio.wrap_future(_submit(work))


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
