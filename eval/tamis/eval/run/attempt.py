"""Puts one request to the target: within a deadline, again after a failure that may pass, never taking others along."""

import asyncio
import math
import time
from dataclasses import dataclass, replace
from typing import Any

from tamis.core.errors import BadInput, TamisError, text_of

from ..target import Request, Target
from ..targets.errors import TargetError, TargetUnavailable
from ..targets.threads import said
from ..trace import Trace
from .slots import Slots

_PAUSE = 0.25
"""Seconds before the second attempt; twice as many before each further one."""
_SHOWN = 500


@dataclass(frozen=True)
class Answered:
    """What came of a request: a trace, or why there is none; and how many attempts were made."""

    trace: Trace | None
    error: str | None
    attempts: int


class _DeadlinePassed(Exception):
    pass


def is_passing(error: BaseException) -> bool:
    """Whether another attempt may go better: a timeout of the target's own, a broken connection, 429 or 5xx.

    >>> is_passing(ConnectionResetError()), is_passing(ValueError("no such index"))
    (True, False)
    """
    if isinstance(error, TimeoutError | ConnectionError | TargetUnavailable):
        return True
    # HTTP clients, by what they all have: an error of transport, or a response with a status.
    names = {
        kind.__name__ for kind in type(error).__mro__ if kind.__module__.partition(".")[0] in ("httpx", "httpcore")
    }
    if names & {"TimeoutException", "NetworkError", "RemoteProtocolError"}:
        return True
    status = getattr(error, "status_code", None) or getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(status, int):
        return status in (408, 429) or status >= 500
    return error.__cause__ is not None and isinstance(error, TamisError) and is_passing(error.__cause__)


def reason_of(error: BaseException) -> str:
    """An error in one short line.

    >>> reason_of(ValueError("no  such\\nindex"))
    'ValueError: no such index'
    """
    words = " ".join(text_of(error).split())
    text = f"{type(error).__name__}: {words}" if words else type(error).__name__
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


class Asker:
    """Asks a target, ``slots`` at once; a case fails after ``deadline_s`` seconds, all its attempts together."""

    def __init__(self, target: Target, slots: Slots, *, deadline_s: float, retries: int) -> None:
        self._target, self._slots = target, slots
        self._deadline_s, self._retries = deadline_s, retries
        self._left_alone: set[asyncio.Task[Any]] = set()

    async def ask(self, request: Request) -> Answered:
        """Waits for a free slot, and asks. Whatever the target raises becomes the reason that is returned."""
        async with self._slots:
            until = time.monotonic() + self._deadline_s
            attempt = 1
            while True:
                start = time.monotonic()
                try:
                    trace = await self._once(request, until - start)
                except _DeadlinePassed:
                    self._slots.overloaded()
                    return Answered(None, f"no answer within {self._deadline_s:g} s", attempt)
                except Exception as error:  # noqa: BLE001 - a target may raise anything, and other cases go on
                    if not is_passing(error):
                        return Answered(None, reason_of(error), attempt)
                    self._slots.overloaded()
                    pause = max(_PAUSE * 2 ** (attempt - 1), _asked_pause(error))
                    if attempt > self._retries or time.monotonic() + pause >= until:
                        return Answered(None, reason_of(error), attempt)
                    await asyncio.sleep(pause)
                    attempt += 1
                else:
                    seconds = time.monotonic() - start
                    self._slots.answered(seconds)
                    timed = trace if trace.seconds is not None else replace(trace, seconds=seconds)
                    return Answered(timed, None, attempt)

    async def _once(self, request: Request, seconds: float) -> Trace:
        """One attempt, in a task of its own: one that does not heed being cancelled is left alone."""
        task = asyncio.ensure_future(self._run(request))
        try:
            done, _ = await asyncio.wait({task}, timeout=max(0.0, seconds))
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not done:
            task.cancel()
            self._left_alone.add(task)
            task.add_done_callback(self._forget)
            raise _DeadlinePassed
        if task.cancelled():
            raise BadInput("the target cancelled its own work")
        error = task.exception()
        if error is not None and not isinstance(error, Exception | KeyboardInterrupt):
            # What a test's fail() raises, say: it is meant for this case, and would end the run.
            raise TargetError(said(error)) from error
        return task.result()

    def _forget(self, task: "asyncio.Task[Any]") -> None:
        self._left_alone.discard(task)
        if not task.cancelled():
            # Looked at, so that asyncio does not complain of an error that nobody saw.
            task.exception()

    async def _run(self, request: Request) -> Trace:
        try:
            trace = await self._target.run(request)
        except SystemExit as error:
            raise BadInput("the target tried to end the program") from error
        _check(trace)
        return trace


def _asked_pause(error: Exception) -> float:
    """The seconds that an endpoint asked to wait, as far as the error says them in a number; 0 where it does not."""
    seconds = getattr(error, "retry_after_s", None)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        return 0.0
    return seconds


def _check(trace: Any) -> None:
    if not isinstance(trace, Trace):
        raise BadInput(f"the target gave {type(trace).__name__} where a Trace was expected")
    for step in trace.steps:
        for passage in step.passages:
            if not isinstance(passage.id, str):
                raise BadInput(f'a passage of the step "{step.name}" has the id {passage.id!r}; it must be a text')
