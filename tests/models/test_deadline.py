"""The deadline that a caller sets and a scorer reads."""

import asyncio
import threading
import time
from contextvars import copy_context

from tamis.models.deadline import deadline, time_left, until


def test_nested_deadlines_only_get_earlier() -> None:
    now = time.monotonic()
    with until(now + 10):
        with until(now + 20):
            assert deadline() == now + 10
        with until(now + 5):
            assert deadline() == now + 5
        with until(None):
            assert deadline() == now + 10
    assert deadline() is None
    assert time_left() is None


def test_a_deadline_that_has_passed_leaves_nothing() -> None:
    with until(time.monotonic() - 1):
        assert time_left() == 0.0


def test_tasks_threads_and_calls_side_by_side() -> None:
    async def one(seconds: float) -> tuple[float, float]:
        with until(time.monotonic() + seconds):
            await asyncio.sleep(0.01)
            here = time_left() or 0.0
            return here, await asyncio.to_thread(lambda: time_left() or 0.0)

    async def both() -> list[tuple[float, float]]:
        return [*await asyncio.gather(one(10), one(100))]

    (a, in_thread_a), (b, in_thread_b) = asyncio.run(both())
    assert 9 < in_thread_a <= a < 10
    assert 99 < in_thread_b <= b < 100
    seen: list[float | None] = []
    with until(time.monotonic() + 10):
        work = copy_context()
    thread = threading.Thread(target=lambda: seen.append(work.run(time_left)))
    thread.start()
    thread.join()
    assert (seen[0] or 0.0) > 9
