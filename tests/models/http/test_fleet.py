"""Which server is asked, how often, and when it is left alone: breaker, bound, retries and fleet, each by itself."""

import asyncio
import random
import time
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from tamis.models.http.breaker import Breaker
from tamis.models.http.concurrency import AdaptiveLimit
from tamis.models.http.errors import NoEndpoint
from tamis.models.http.fleet import Fleet
from tamis.models.http.retry import Failure, asked_rest, kind_of_status, wait_before


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class TestBreaker:
    def breaker(self) -> tuple[Breaker, Clock]:
        clock = Clock()
        return Breaker(failures=3, cooldown_s=2.0, longest_s=5.0, clock=clock), clock

    def test_opens_after_failures_in_a_row_only(self) -> None:
        breaker, _ = self.breaker()
        for _ in range(5):
            breaker.failed()
            breaker.failed()
            breaker.succeeded()
        assert breaker.state == "closed"
        for _ in range(3):
            assert breaker.allows()
            breaker.failed()
        assert (breaker.state, breaker.allows()) == ("open", False)

    def test_lets_one_request_try_and_closes_when_it_is_answered(self) -> None:
        breaker, clock = self.breaker()
        for _ in range(3):
            breaker.failed()
        clock.now += 1.99
        assert not breaker.allows()
        clock.now += 0.01
        assert breaker.state == "half-open"
        assert breaker.allows()
        breaker.began()
        assert not breaker.allows()
        breaker.succeeded()
        assert (breaker.state, breaker.allows()) == ("closed", True)

    def test_a_failed_trial_opens_it_for_twice_as_long_up_to_a_bound(self) -> None:
        breaker, clock = self.breaker()
        for _ in range(3):
            breaker.failed()
        for rest in (4.0, 5.0, 5.0):
            while not breaker.allows():
                clock.now += 0.5
            breaker.began()
            breaker.failed()
            clock.now += rest - 0.01
            assert not breaker.allows()
            clock.now += 0.02
            assert breaker.allows()

    def test_a_trial_that_is_cancelled_lets_another_try(self) -> None:
        breaker, clock = self.breaker()
        for _ in range(3):
            breaker.failed()
        clock.now += 3
        breaker.began()
        breaker.forgotten()
        assert breaker.allows()

    def test_late_failures_of_the_same_outage_do_not_prolong_it(self) -> None:
        breaker, clock = self.breaker()
        for _ in range(30):
            breaker.failed()
        clock.now += 2.0
        assert breaker.state == "half-open"

    def test_what_was_sent_before_it_opened_is_no_trial(self) -> None:
        breaker, clock = self.breaker()
        for _ in range(3):
            breaker.failed()
        clock.now += 2.5
        breaker.failed(seconds=2.6)
        assert (breaker.state, breaker.allows()) == ("half-open", True)
        breaker.began()
        breaker.failed(seconds=2.6)
        breaker.forgotten(seconds=2.6)
        assert not breaker.allows()
        clock.now += 0.1
        breaker.failed(seconds=0.1)
        assert breaker.state == "open"
        assert breaker.rest() == pytest.approx(4.0)

    def test_an_outage_may_last_for_a_day(self) -> None:
        breaker, clock = self.breaker()
        for _ in range(3):
            breaker.failed()
        for _ in range(24 * 3600 // 5):
            clock.now += 5.0
            assert breaker.allows()
            breaker.began()
            breaker.failed()
        clock.now += 5.0
        breaker.began()
        breaker.succeeded()
        assert breaker.state == "closed"

    def test_what_was_sent_together_counts_as_one_sign(self) -> None:
        breaker, _ = self.breaker()
        for under_way in range(10, 1, -1):
            breaker.failed(under_way=under_way)
            if breaker.state == "open":
                break
        assert under_way == 5  # 6 failures by then: as many as were still under way and more


class TestAdaptiveLimit:
    def test_halves_once_for_requests_that_fail_together(self) -> None:
        clock = Clock()
        limit = AdaptiveLimit(32, clock=clock)
        limit.answered(0.5, 32)
        for _ in range(10):
            limit.overloaded()
        assert limit.allowed == 16
        clock.now += 0.6
        limit.overloaded()
        assert limit.allowed == 8

    def test_never_falls_below_one_and_grows_by_one_a_round(self) -> None:
        clock = Clock()
        limit = AdaptiveLimit(32, clock=clock)
        for _ in range(20):
            limit.overloaded()
            clock.now += 1
        assert limit.allowed == 1
        for bound in range(1, 8):
            for _ in range(bound + 1):
                limit.answered(0.1, bound)
            assert bound + 1 <= limit.allowed <= bound + 2
        for _ in range(2000):
            limit.answered(0.1, 32)
        assert limit.allowed == 32

    def test_answers_that_become_much_slower_lower_it_while_it_is_used(self) -> None:
        used, idle = AdaptiveLimit(32), AdaptiveLimit(32)
        for limit, under_way in ((used, 32), (idle, 2)):
            for _ in range(10):
                limit.answered(0.0001, under_way)
            for _ in range(10):
                time.sleep(0.002)
                limit.answered(0.01, under_way)
        assert used.allowed < 32
        assert idle.allowed == 32


class TestRetry:
    def test_classes_of_status(self) -> None:
        retried = {status for status in range(200, 600) if (kind := kind_of_status(status)) and kind != "refused"}
        assert retried == {408, 425, 429, *range(500, 600)}
        assert Failure("overloaded", "").retried
        assert not Failure("overloaded", "").blames_server
        assert not Failure("refused", "").retried

    def test_retry_after_as_a_date(self) -> None:
        at = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
        now = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC).timestamp()
        assert asked_rest({"retry-after": format_datetime(at, usegmt=True)}, now) == 30.0
        assert asked_rest({"retry-after": format_datetime(at, usegmt=True)}, now + 60) == 0.0
        assert asked_rest({"retry-after": "inf"}) is None

    def test_full_jitter_grows_to_a_bound(self) -> None:
        jitter = random.Random(0)
        for attempt, longest in ((1, 0.1), (2, 0.2), (5, 1.6), (50, 8.0)):
            waits = [wait_before(attempt, jitter) for _ in range(300)]
            assert 0 <= min(waits) < 0.05 * longest
            assert 0.9 * longest < max(waits) <= longest


LEFT_ALONE = "every server is left alone for a while after failures: "


class TestFleet:
    def test_each_is_asked_as_often_as_its_health_says(self) -> None:
        async def shares() -> list[int]:
            fleet = Fleet(["a", "b"], most=8)
            well, ill = fleet.endpoints
            ill.health = 0.25
            taken = []
            for _ in range(100):
                endpoint = await fleet.lease([], lambda: None)
                taken.append(endpoint)
                endpoint.under_way -= 1
            return [taken.count(well), taken.count(ill)]

        assert asyncio.run(shares()) == [80, 20]

    def test_a_second_try_goes_elsewhere(self) -> None:
        async def second() -> tuple[str, str]:
            fleet = Fleet(["a", "b"], most=8)
            first = await fleet.lease([], lambda: None)
            fleet.release(first, Failure("server", "500"), 0.1)
            return first.url, (await fleet.lease([first], lambda: None)).url

        first, other = asyncio.run(second())
        assert {first, other} == {"a", "b"}

    def test_no_more_than_the_bound_are_under_way_and_all_get_their_turn(self) -> None:
        async def work() -> tuple[int, int]:
            fleet, most, done = Fleet(["a"], most=3), 0, 0

            async def one() -> None:
                nonlocal most, done
                endpoint = await fleet.lease([], lambda: None)
                most = max(most, endpoint.under_way)
                await asyncio.sleep(0.001)
                fleet.release(endpoint, None, 0.001)
                done += 1

            async def quitter() -> None:
                await asyncio.wait_for(one(), 0.0005)

            await asyncio.gather(*(one() for _ in range(40)), *(quitter() for _ in range(40)), return_exceptions=True)
            return most, done

        most, done = asyncio.run(asyncio.wait_for(work(), 10))
        assert most == 3
        assert done >= 40

    def test_nobody_waits_for_a_server_that_is_left_alone_meanwhile(self) -> None:
        async def work() -> list[str]:
            fleet = Fleet(["a"], most=4)

            async def one() -> str:
                try:
                    endpoint = await fleet.lease([], lambda: None)
                except NoEndpoint:
                    return "told"
                await asyncio.sleep(0.001)
                fleet.release(endpoint, Failure("server", "500"), 0.001)
                return "failed"

            return await asyncio.gather(*(one() for _ in range(100)))

        ends = asyncio.run(asyncio.wait_for(work(), 10))
        assert 8 <= ends.count("failed") <= 12
        assert ends.count("told") == 100 - ends.count("failed")

    def test_who_gives_up_while_a_server_rests_lets_the_next_one_wait_for_its_end(self) -> None:
        async def work() -> int:
            fleet, done = Fleet(["a"], most=1), 0

            async def one() -> None:
                nonlocal done
                endpoint = await fleet.lease([], lambda: None)
                fleet.release(endpoint, None, 0.001)
                done += 1

            first = await fleet.lease([], lambda: None)
            waiting = [asyncio.create_task(one()) for _ in range(3)]
            await asyncio.sleep(0)
            fleet.release(first, Failure("overloaded", "429", 429, rest_s=0.2), 0.001)
            await asyncio.sleep(0.01)
            # The first of them was woken and waits for the end of the rest; the others wait for a request to end.
            waiting[0].cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            return done

        assert asyncio.run(asyncio.wait_for(work(), 10)) == 2

    def test_a_server_that_answers_meanwhile_is_not_left_alone(self) -> None:
        async def work(answers: bool) -> str:
            clock = Clock()
            fleet = Fleet(["a"], most=8, clock=clock)
            for at in range(1, 41):
                try:
                    endpoint = await fleet.lease([], lambda: None)
                except NoEndpoint:
                    break
                clock.now += 0.01
                # Failures are quick and answers slow: they come in rows.
                well = answers and at % 10 == 0
                fleet.release(endpoint, None if well or at == 1 else Failure("unreachable", "reset"), 0.2)
            return fleet.endpoints[0].breaker.state

        assert asyncio.run(work(True)) == "closed"
        assert asyncio.run(work(False)) == "open"

    def test_all_left_alone_is_said_at_once_with_the_last_failure(self) -> None:
        async def work() -> None:
            fleet = Fleet(["a"], most=8)
            for _ in range(10):
                endpoint = await fleet.lease([], lambda: None)
                fleet.release(endpoint, Failure("server", "a answered HTTP 500"), 0.1)

        with pytest.raises(NoEndpoint, match="after failures: a answered HTTP 500"):
            asyncio.run(work())

    def test_a_rest_that_is_asked_for_is_kept_if_there_is_time(self) -> None:
        async def work(patience: float) -> float:
            fleet = Fleet(["a"], most=8)
            endpoint = await fleet.lease([], lambda: None)
            fleet.release(endpoint, Failure("overloaded", "429", 429, rest_s=0.2), 0.01)
            began = time.monotonic()
            await fleet.lease([], lambda: began + patience)
            return time.monotonic() - began

        assert 0.19 <= asyncio.run(work(10)) < 2
        with pytest.raises(NoEndpoint, match=r"no server may be asked for 0\.2 s: 429"):
            asyncio.run(work(0.1))

    @pytest.mark.parametrize("trouble", ["rest", "breaker"])
    def test_who_waits_for_a_full_server_gets_the_other_when_its_rest_is_over(self, trouble: str) -> None:
        async def work() -> str:
            fleet = Fleet(["a", "b"], most=1)
            full, other = fleet.endpoints
            other.under_way = 1
            assert await fleet.lease([], lambda: None) is full
            other.under_way = 0
            if trouble == "rest":
                other.resting_until = time.monotonic() + 0.2
            else:
                other.breaker.leave_alone(0.2)
            return (await fleet.lease([], lambda: None)).url

        assert asyncio.run(asyncio.wait_for(work(), 10)) == "b"

    def test_a_short_cooldown_is_waited_for_where_another_server_rests_longer(self) -> None:
        async def work() -> str:
            fleet = Fleet(["a", "b"], most=1)
            resting, left_alone = fleet.endpoints
            resting.resting_until = time.monotonic() + 30
            left_alone.breaker.leave_alone(0.2)
            until = time.monotonic() + 4
            return (await fleet.lease([], lambda: until)).url

        assert asyncio.run(asyncio.wait_for(work(), 10)) == "b"

    def test_a_server_that_asks_for_a_day_is_tried_after_two_minutes(self) -> None:
        async def work() -> tuple[str, str]:
            clock = Clock()
            fleet = Fleet(["a"], most=8, clock=clock)
            fleet.release(await fleet.lease([], lambda: None), Failure("overloaded", "429", 429, rest_s=86400.0), 0.01)
            with pytest.raises(NoEndpoint, match="left alone for a while after failures: 429"):
                await fleet.lease([], lambda: None)
            clock.now += 121
            return (await fleet.lease([], lambda: None)).url, fleet.endpoints[0].breaker.state

        assert asyncio.run(work()) == ("a", "half-open")

    def test_time_in_which_nobody_asks_is_no_silence(self) -> None:
        async def work() -> str:
            clock = Clock()
            fleet = Fleet(["a"], most=8, clock=clock)
            fleet.release(await fleet.lease([], lambda: None), None, 0.003)
            # Cancelled at once, long ago.
            fleet.abandon(await fleet.lease([], lambda: None), 0.003)
            clock.now += 3600.0
            for _ in range(3):
                together = [await fleet.lease([], lambda: None) for _ in range(8)]
                clock.now += 0.2
                for endpoint in together:
                    fleet.abandon(endpoint, 0.2)
            return fleet.endpoints[0].breaker.state

        assert asyncio.run(work()) == "closed"

    def test_a_request_that_is_sent_once_more_says_nothing_of_the_server(self) -> None:
        async def work(is_given_up: bool) -> str:
            clock = Clock()
            fleet = Fleet(["a"], most=16, clock=clock)
            fleet.release(await fleet.lease([], lambda: None), None, 0.003)
            together = [await fleet.lease([], lambda: None) for _ in range(16)]
            clock.now += 1.5
            for endpoint in together:
                fleet.abandon(endpoint, 1.5, is_given_up=is_given_up)
            return fleet.endpoints[0].breaker.state

        assert asyncio.run(work(False)) == "closed"
        assert asyncio.run(work(True)) == "open"

    @pytest.mark.parametrize("usual", [None, 0.01])
    def test_a_server_that_hangs_is_found_out_by_callers_who_give_up(self, usual: float | None) -> None:
        async def work(patience: float) -> tuple[str, int, str]:
            clock, told = Clock(), ""
            fleet = Fleet(["a"], most=8, clock=clock)
            if usual is not None:
                fleet.release(await fleet.lease([], lambda: None), None, usual)
            clock.now, tries = 1000.0, 0
            while tries < 30:
                try:
                    endpoint = await fleet.lease([], lambda: None)
                except NoEndpoint as error:
                    told = str(error)
                    break
                tries += 1
                clock.now += patience
                fleet.abandon(endpoint, patience)
            return fleet.endpoints[0].breaker.state, tries, told

        assert asyncio.run(work(2.0)) == ("open", 8, f"{LEFT_ALONE}a has not answered for 16 s")
        # Shorter ones say nothing about a server that has never answered, and of another not before it is silent long.
        expected = ("closed", 30, "") if usual is None else ("open", 11, f"{LEFT_ALONE}a has not answered for 3.3 s")
        assert asyncio.run(work(0.3)) == expected

    def test_a_pause_of_a_server_is_no_end_of_it(self) -> None:
        async def work() -> str:
            clock = Clock()
            fleet = Fleet(["a"], most=16, clock=clock)
            fleet.release(await fleet.lease([], lambda: None), None, 0.003)
            clock.now += 3600.0
            together = [await fleet.lease([], lambda: None) for _ in range(16)]
            clock.now += 0.5
            for endpoint in together:
                fleet.abandon(endpoint, 0.5)
            return fleet.endpoints[0].breaker.state

        assert asyncio.run(work()) == "closed"
