"""Threads for what cannot be awaited, of a kind that lets the program end though one of them never returns."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class DaemonThreads(ThreadPoolExecutor):
    """An executor without a bound whose threads are used again, and not waited for at the end of the program.

    The standard one waits, so that a target that hangs in a thread would hang the whole run with it. It derives from
    that one because an event loop takes no other as its default.
    """

    def __init__(self) -> None:
        super().__init__(max_workers=1)
        self._tasks: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._free = threading.Semaphore(0)
        self._started = 0
        self._closed = False

    def submit(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Runs the call in a free thread, or in a new one where all are at work."""
        if self._closed:
            raise RuntimeError("the threads are shut down")
        future: Future[T] = Future()
        if not self._free.acquire(blocking=False):
            self._started += 1
            threading.Thread(target=self._work, name=f"tamis-{self._started}", daemon=True).start()
        self._tasks.put((future, lambda: call(*args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Lets the free threads end, and waits for none."""
        self._closed = True
        for _ in range(self._started):
            self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            future, call = task
            del task
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except BaseException as error:  # noqa: BLE001 - it is handed to whoever waits for the result
                    future.set_exception(error)
            del future, call
            self._free.release()
