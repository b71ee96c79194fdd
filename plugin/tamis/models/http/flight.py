"""Requests under way: identical ones are sent once, and each is tried until it succeeds or there is no use in it."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tamis.models.counting import count

from .errors import BadAnswer, NoEndpoint, WrongDialect
from .fleet import Endpoint, Fleet
from .pool import Reply
from .retry import Failure, wait_before
from .watch import Watch


class Reading(NamedTuple):
    """What an answer says: a value for each passage, None where unknown, and what is wrong with it, "" for nothing."""

    values: list[Any]
    complaint: str = ""


class Outcome(NamedTuple):
    """What came of a request: its values (perhaps only some of them), and the failure that is to blame for the rest."""

    values: list[Any] | None
    failure: Failure | None = None


Send = Callable[[Endpoint], Awaitable[Reply | Failure]]
Read = Callable[[Any, str], Reading]


@dataclass(eq=False)
class Flight:
    """A request that several callers may wait for; it may take as long as the most patient of them waits."""

    task: "asyncio.Task[Outcome] | None" = None
    waiters: int = 0
    until: float | None = 0.0

    def joined(self, until: float | None) -> None:
        """One more waits for it, until then (monotonic seconds); None: however long it takes."""
        self.waiters += 1
        self.until = None if until is None or self.until is None else max(self.until, until)


@dataclass(eq=False)
class Flights:
    """Sends requests to a fleet. Not thread-safe: everything happens on one event loop."""

    fleet: Fleet
    retries: int
    jitter: random.Random = field(default_factory=random.Random)
    _under_way: dict[bytes, Flight] = field(default_factory=dict, init=False)

    async def outcome(self, key: bytes, send: Send, read: Read, until: float | None) -> Outcome:
        """What comes of the request called ``key``; one that is under way already is waited for, not sent again."""
        flight = self._under_way.get(key)
        if flight is None:
            flight = self._under_way[key] = Flight()
            flight.joined(until)
            flight.task = asyncio.create_task(self._tried(flight, send, read))
            flight.task.add_done_callback(lambda _: self._landed(key, flight))
        else:
            flight.joined(until)
        task = flight.task
        assert task is not None
        try:
            return await asyncio.shield(task)
        finally:
            flight.waiters -= 1
            if not flight.waiters and not task.done():
                self._landed(key, flight)
                task.cancel()

    def _landed(self, key: bytes, flight: Flight) -> None:
        if self._under_way.get(key) is flight:
            del self._under_way[key]

    async def _tried(self, flight: Flight, send: Send, read: Read) -> Outcome:
        """Tries until an answer can be read, retries are used up, or the next one would come too late.

        Where there is a deadline, a try that is overdue (see ``Watch``) gets company: the same request once more,
        elsewhere if possible (a hedged request; Dean and Barroso, "The Tail at Scale", 2013), and the first answer
        counts. Where servers have no room for both, the new one takes the old one's place.
        """
        tried: list[Endpoint] = []
        under_way: set[asyncio.Task[Outcome]] = set()
        best = Outcome(None, Failure("unreachable", "no request was sent"))
        try:
            for begun in range(1, self.retries + 2):
                if begun > 1:
                    count("retries")
                last = begun > self.retries
                is_watched = flight.until is not None and not last
                overdue = asyncio.get_running_loop().create_future() if is_watched else None
                under_way.add(asyncio.create_task(self._attempt(flight, tried, overdue, send, read)))
                while under_way:
                    if overdue is not None and overdue.done() and self.fleet.may_ask():
                        break
                    rings = {overdue} if overdue is not None and not overdue.done() else set()
                    await asyncio.wait(under_way | rings, return_when=asyncio.FIRST_COMPLETED)
                    done = [task for task in under_way if task.done()]
                    under_way = {task for task in under_way if not task.done()}
                    for outcome in (task.result() for task in done):
                        if outcome.failure is None or not outcome.failure.retried:
                            return outcome
                        best = outcome if outcome.values is not None or best.values is None else best
                        if outcome.failure.hopeless and not under_way:
                            return best
                if under_way and not self.fleet.has_room():
                    # Hanging requests would take the places of those that others wait to send.
                    for task in under_way:
                        task.cancel()
                    under_way = set()
                elif not under_way and not last and not self.fleet.another(tried):
                    pause = wait_before(begun, self.jitter)
                    if flight.until is not None and time.monotonic() + pause >= flight.until:
                        break
                    await asyncio.sleep(pause)
            return best
        finally:
            for task in under_way:
                task.cancel()

    async def _attempt(
        self, flight: Flight, tried: list[Endpoint], overdue: "asyncio.Future[None] | None", send: Send, read: Read
    ) -> Outcome:
        """One request to one server; ``overdue``, if it is watched, is rung when it takes far too long."""
        try:
            endpoint = await self.fleet.lease(tried, lambda: flight.until)
        except NoEndpoint as error:
            return Outcome(None, Failure("unreachable", str(error), hopeless=True))
        tried.append(endpoint)
        began = time.monotonic()
        watch = None if overdue is None else Watch(self.fleet, endpoint, len(tried), overdue)
        try:
            count("requests")
            outcome = _read(await send(endpoint), read, endpoint)
        except BaseException:
            self.fleet.abandon(endpoint, time.monotonic() - began, is_given_up=not flight.waiters)
            raise
        finally:
            if watch is not None:
                watch.stop()
        self.fleet.release(endpoint, outcome.failure, time.monotonic() - began)
        return outcome


def _read(reply: Reply | Failure, read: Read, endpoint: Endpoint) -> Outcome:
    if isinstance(reply, Failure):
        return Outcome(None, reply)
    try:
        values, complaint = read(reply.answer, endpoint.url)
    except BadAnswer as error:
        return Outcome(None, Failure("garbage", str(error), foreign=isinstance(error, WrongDialect)))
    except RecursionError:
        return Outcome(None, Failure("garbage", f"{endpoint.url} answered JSON that is nested too deep", foreign=True))
    return Outcome(values, Failure("garbage", complaint) if complaint else None)
