"""What is counted belongs to the call that it was done for."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from tamis.models.counting import Counts, count, counted


def test_nothing_is_counted_where_nobody_counts() -> None:
    count("pairs", 3)
    with counted() as counts:
        pass
    assert counts.to_dict() == {}


def test_inner_counts_do_not_reach_the_outer_ones() -> None:
    with counted() as outer:
        count("pairs")
        with counted() as inner:
            count("pairs", 5)
        count("pairs")
    assert (outer.to_dict(), inner.to_dict()) == ({"pairs": 2}, {"pairs": 5})


def test_calls_side_by_side_do_not_mix() -> None:
    async def call(amount: int) -> dict[str, int]:
        with counted() as counts:
            for _ in range(amount):
                count("requests")
                await asyncio.sleep(0)
            await asyncio.to_thread(count, "retries", amount)
        return counts.to_dict()

    async def both() -> list[dict[str, int]]:
        return await asyncio.gather(*(call(amount) for amount in (1, 5, 9)))

    assert asyncio.run(both()) == [{"requests": n, "retries": n} for n in (1, 5, 9)]


def test_threads_count_for_the_context_that_they_run_in() -> None:
    def a_thousand() -> None:
        for _ in range(1000):
            count("tokens")

    with counted() as counts:
        contexts = [copy_context() for _ in range(8)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda context: context.run(a_thousand), contexts))
        stranger = threading.Thread(target=count, args=("tokens", 7))
        stranger.start()
        stranger.join()
    assert counts.to_dict() == {"tokens": 8000}


def test_counts_are_added_up_and_told_in_one_order() -> None:
    counts = Counts()
    counts.update({"failures": 1, "pairs": 2})
    counts.update({"pairs": 2, "images": 0})
    assert list(counts.to_dict().items()) == [("pairs", 4), ("failures", 1)]
