"""Work done together until a deadline, and what becomes of the failures in it."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import BadAnswer, HttpScorerError, NoEndpoint, RequestRefused, WrongDialect
from .retry import Failure


@dataclass
class Failures:
    """What went wrong in a call, for the error that is raised if nothing went well."""

    found: list[Failure] = field(default_factory=list)
    succeeded: bool = False

    def raise_if_all(self) -> None:
        """Raises the error of the first failure, if there is one and nothing succeeded."""
        if self.found and not self.succeeded:
            raise error_of(self.found[0])


async def in_time(
    work: Sequence[Callable[[], Coroutine[Any, Any, None]]], until: float | None, at_once: int | None = None
) -> None:
    """Runs all of them together until the given monotonic time; those that are not done by then are cancelled.

    No more than ``at_once`` of them at a time, in order.
    """
    if not work:
        return
    left = iter(work)

    async def some() -> None:
        for each in left:
            await each()

    tasks = [asyncio.create_task(some()) for _ in work[:at_once]]
    try:
        timeout = None if until is None else max(0.0, until - time.monotonic())
        await asyncio.wait(tasks, timeout=timeout)
    finally:
        for task in tasks:
            # Not waited for: connections are closed in passing. Each error is looked at, or asyncio would complain.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            task.cancel()
    for task in tasks:
        if task.done() and not task.cancelled():
            task.result()


def error_of(failure: Failure) -> HttpScorerError:
    """The typed error for a failure."""
    if failure.kind == "refused":
        return RequestRefused(failure.message, failure.status or 0)
    if failure.kind == "garbage":
        return WrongDialect(failure.message) if failure.foreign else BadAnswer(failure.message)
    return NoEndpoint(failure.message)
