"""Adaptive concurrency: as many at once as the target bears."""

import asyncio

import pytest

from tamis.eval.run.slots import Slots


def test_never_more_than_allowed_and_in_the_order_in_which_they_came() -> None:
    order: list[int] = []
    under_way, most = 0, 0

    async def use(slots: Slots, number: int) -> None:
        nonlocal under_way, most
        async with slots:
            order.append(number)
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1

    async def main() -> None:
        slots = Slots(3)
        await asyncio.gather(*(use(slots, number) for number in range(20)))

    asyncio.run(main())
    assert order == list(range(20))
    assert most == 3


def test_one_that_is_cancelled_while_it_waits_gives_its_turn_on() -> None:
    async def main() -> None:
        slots = Slots(1)
        await slots.__aenter__()
        waiting = [asyncio.create_task(slots.__aenter__()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await slots.__aexit__(None, None, None)
        # It is the second one's turn by now, and it has not run yet.
        waiting[1].cancel()
        await asyncio.wait_for(waiting[2], 1)

    asyncio.run(main())


def test_failures_halve_it_and_answers_bring_it_back() -> None:
    slots = Slots(16)
    slots.overloaded()
    assert slots.allowed == 8
    for _ in range(400):
        slots.answered(0.01)
    assert slots.allowed == 16


def test_it_falls_to_one_and_no_further() -> None:
    slots = Slots(4)
    for _ in range(20):
        slots.overloaded()
    assert slots.allowed == 1


@pytest.mark.parametrize(("seconds", "allowed"), [((0.01, 1.0), 32), ((1.0, 1.0), 32)])
def test_cases_of_different_length_are_no_sign_of_a_queue(seconds: tuple[float, float], allowed: int) -> None:
    slots = Slots(32)

    async def main() -> None:
        for _ in range(32):
            await slots.__aenter__()
        for number in range(400):
            slots.answered(seconds[number % 2])

    asyncio.run(main())
    assert slots.allowed == allowed


def test_slowness_of_every_answer_is_one() -> None:
    slots = Slots(32)

    async def main() -> None:
        for _ in range(32):
            await slots.__aenter__()
        slots.answered(0.0001)
        for _ in range(60):
            slots.answered(0.002)
            await asyncio.sleep(0.002)

    asyncio.run(main())
    assert slots.allowed < 32
