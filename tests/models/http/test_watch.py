"""When a request is overdue: not while a server works off its queue, but when it is passed over or all is silent."""

import asyncio

import pytest

from tamis.models.http.fleet import Endpoint, Fleet
from tamis.models.http.flight import Flights, Outcome, Reading
from tamis.models.http.pool import Reply
from tamis.models.http.retry import Failure
from tamis.models.http.watch import Watch

QUICK_S = 0.002
SOON_S = 0.3
"""Seconds; SOON_S is between the shortest patience and the time after which a server is thought to hang."""


async def answered(fleet: Fleet, seconds: float = QUICK_S) -> None:
    """One request that is answered after so long."""
    fleet.release(await fleet.lease([], lambda: None), None, seconds)


async def rings(fleet: Fleet, watch: Watch, within: float = SOON_S) -> bool:
    try:
        await asyncio.wait_for(asyncio.shield(watch.overdue), within)
    except TimeoutError:
        return False
    finally:
        watch.stop()
    return True


async def watched(fleet: Fleet, tries: int = 1) -> Watch:
    endpoint = await fleet.lease([], lambda: None)
    return Watch(fleet, endpoint, tries, asyncio.get_running_loop().create_future())


@pytest.mark.parametrize(("most", "expected"), [(2, True), (1, False)])
def test_a_short_silence_is_worth_a_request_where_there_is_room(most: int, expected: bool) -> None:
    async def work() -> bool:
        fleet = Fleet(["a"], most=most)
        await answered(fleet)
        return await rings(fleet, await watched(fleet))

    assert asyncio.run(work()) is expected


def test_a_long_silence_always_is() -> None:
    async def work() -> bool:
        fleet = Fleet(["a"], most=1)
        await answered(fleet)
        return await rings(fleet, await watched(fleet), within=5.0)

    assert asyncio.run(work())


def test_nothing_rings_while_no_server_may_be_asked() -> None:
    async def work() -> bool:
        fleet = Fleet(["a"], most=4)
        await answered(fleet)
        watch = await watched(fleet)
        busy = await fleet.lease([], lambda: None)
        fleet.release(busy, Failure("overloaded", "429", 429, rest_s=30.0), QUICK_S)
        return await rings(fleet, watch)

    assert not asyncio.run(work())


def test_who_is_passed_over_by_later_requests_is_overdue() -> None:
    async def work() -> tuple[bool, bool]:
        fleet = Fleet(["a"], most=2)
        await answered(fleet)
        watch = await watched(fleet)
        await asyncio.sleep(0.01)
        await answered(fleet, QUICK_S)
        later = await watched(fleet)
        return await rings(fleet, watch), await rings(fleet, later)

    assert asyncio.run(work()) == (True, False)


def test_a_server_that_works_through_its_queue_is_waited_for() -> None:
    async def work() -> bool:
        fleet = Fleet(["a"], most=8)
        await answered(fleet)
        queue = [await fleet.lease([], lambda: None) for _ in range(6)]
        last = await watched(fleet)
        ringing = asyncio.create_task(rings(fleet, last, within=0.6))
        for at, endpoint in enumerate(queue, start=1):
            # Each takes thirty times as long as was usual, and longer than the one before.
            await asyncio.sleep(0.06)
            fleet.release(endpoint, None, 0.06 * at + 0.01)
        return await ringing

    assert not asyncio.run(work())


def test_nothing_is_usual_for_a_server_that_has_never_answered() -> None:
    async def work() -> bool:
        fleet = Fleet(["a"], most=4)
        return await rings(fleet, await watched(fleet))

    assert not asyncio.run(work())


def test_later_tries_are_given_more_time() -> None:
    async def work() -> list[bool]:
        fleet = Fleet(["a"], most=8)
        await answered(fleet)
        return [await rings(fleet, await watched(fleet, tries=tries), within=0.5) for tries in (4, 1)]

    assert asyncio.run(work()) == [False, True]


def flights_after(paused: set[int], calls: int, most: int) -> tuple[list[Outcome], list[int], Fleet]:
    """Calls made at once of a server whose answers to some requests never come; what came, was sent, and the fleet."""

    async def work() -> tuple[list[Outcome], list[int], Fleet]:
        loop, sent = asyncio.get_running_loop(), list[int]()
        fleet = Fleet(["a"], most=most)
        await answered(fleet)
        flights = Flights(fleet, retries=3)

        def send_of(call: int):  # type: ignore[no-untyped-def]
            async def send(endpoint: Endpoint) -> Reply | Failure:
                sent.append(call)
                await asyncio.sleep(30 if call in paused and sent.count(call) == 1 else QUICK_S)
                return Reply(call, QUICK_S)

            return send

        def read(answer: object, where: str) -> Reading:
            return Reading([answer])

        outcomes = await asyncio.gather(
            *(flights.outcome(b"%d" % call, send_of(call), read, loop.time() + 20) for call in range(calls))
        )
        assert sum(endpoint.under_way for endpoint in fleet.endpoints) == 0
        return outcomes, sent, fleet

    return asyncio.run(asyncio.wait_for(work(), 20))


def test_requests_that_hang_do_not_take_the_places_of_others() -> None:
    outcomes, sent, fleet = flights_after(paused=set(range(4)), calls=40, most=4)
    assert [outcome.values for outcome in outcomes] == [[call] for call in range(40)]
    assert sorted(sent) == sorted([*range(40), *range(4)])
    assert fleet.endpoints[0].breaker.state == "closed"


def test_one_that_hangs_gets_company() -> None:
    outcomes, sent, _ = flights_after(paused={0}, calls=3, most=8)
    assert [outcome.values for outcome in outcomes] == [[0], [1], [2]]
    assert sorted(sent) == [0, 0, 1, 2]


def test_few_requests_are_sent_again_when_all_is_silent() -> None:
    async def work() -> tuple[int, str]:
        loop, sent = asyncio.get_running_loop(), 0
        fleet = Fleet(["a"], most=64)
        await answered(fleet)
        flights = Flights(fleet, retries=3)

        async def send(endpoint: Endpoint) -> Reply | Failure:
            nonlocal sent
            sent += 1
            await asyncio.sleep(0.5)
            return Reply(1, 0.5)

        await asyncio.gather(
            *(
                flights.outcome(b"%d" % call, send, lambda answer, where: Reading([answer]), loop.time() + 20)
                for call in range(20)
            )
        )
        return sent, fleet.endpoints[0].breaker.state

    sent, state = asyncio.run(asyncio.wait_for(work(), 20))
    assert 20 < sent <= 23
    assert state == "closed"


@pytest.mark.parametrize(("calls", "most"), [(9, 8), (16, 16), (30, 8), (40, 64)])
def test_a_server_that_pauses_loses_nothing(calls: int, most: int) -> None:
    async def work() -> tuple[list[Outcome], int, str]:
        loop, sent = asyncio.get_running_loop(), 0
        fleet = Fleet(["a"], most=most)
        await answered(fleet)
        flights, goes_on = Flights(fleet, retries=3), loop.time() + 1.6

        async def send(endpoint: Endpoint) -> Reply | Failure:
            nonlocal sent
            sent += 1
            await asyncio.sleep(max(QUICK_S, goes_on - loop.time()))
            return Reply(1, QUICK_S)

        outcomes = await asyncio.gather(
            *(
                flights.outcome(b"%d" % call, send, lambda answer, where: Reading([answer]), loop.time() + 20)
                for call in range(calls)
            )
        )
        return outcomes, sent, fleet.endpoints[0].breaker.state

    outcomes, sent, state = asyncio.run(asyncio.wait_for(work(), 20))
    assert [outcome.values for outcome in outcomes] == [[1]] * calls
    assert (sent <= 1.5 * calls, state) == (True, "closed")


def test_a_server_that_asks_for_a_rest_is_waited_for_by_those_it_has_begun_to_answer() -> None:
    async def work() -> list[Outcome]:
        loop = asyncio.get_running_loop()
        fleet = Fleet(["a"], most=8)
        await answered(fleet)
        flights = Flights(fleet, retries=3)

        def send_of(call: int):  # type: ignore[no-untyped-def]
            async def send(endpoint: Endpoint) -> Reply | Failure:
                if call == 0:
                    await asyncio.sleep(0.05)
                    return Failure("overloaded", "429", 429, rest_s=30.0)
                await asyncio.sleep(1.3)
                return Reply(call, 1.3)

            return send

        return await asyncio.gather(
            *(
                flights.outcome(b"%d" % call, send_of(call), lambda answer, where: Reading([answer]), loop.time() + 5)
                for call in range(4)
            )
        )

    outcomes = asyncio.run(asyncio.wait_for(work(), 20))
    assert [outcome.values for outcome in outcomes] == [None, [1], [2], [3]]
