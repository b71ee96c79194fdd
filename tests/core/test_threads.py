"""Blocking calls on threads of their own: what comes back, and what is left behind when nobody waits any more."""

import asyncio
import subprocess
import sys
import threading
from contextvars import ContextVar

import pytest

from tamis.core.threads import begun, in_thread

said: ContextVar[str] = ContextVar("said", default="nothing")


def test_results_and_errors_come_back_from_another_thread() -> None:
    assert asyncio.run(in_thread(divmod, 7, 2)) == (3, 1)
    assert asyncio.run(in_thread(threading.current_thread)) is not threading.current_thread()
    with pytest.raises(ZeroDivisionError):
        asyncio.run(in_thread(divmod, 7, 0))
    with pytest.raises(SystemExit):
        begun(sys.exit, 3).result(10)


def test_the_context_variables_are_the_callers() -> None:
    async def both() -> list[str]:
        async def one(word: str) -> str:
            said.set(word)
            return await in_thread(said.get)

        return [*await asyncio.gather(one("a"), one("b"))]

    assert asyncio.run(both()) == ["a", "b"]
    assert said.get() == "nothing"


def test_what_an_event_loop_cannot_hand_over_is_told_in_another_way() -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        asyncio.run(asyncio.wait_for(in_thread(next, iter(())), 10))


def test_a_call_that_is_given_up_goes_on_and_nobody_waits_for_it() -> None:
    gate, ended = threading.Event(), threading.Event()

    def hangs() -> None:
        gate.wait(60)
        ended.set()

    async def given_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(in_thread(hangs), 0.01)

    asyncio.run(given_up())
    assert not ended.is_set()
    gate.set()
    assert ended.wait(10)


def test_calls_that_hang_keep_no_other_waiting() -> None:
    gate = threading.Event()
    hanging = [begun(gate.wait, 60) for _ in range(50)]
    assert begun(sum, [1, 2]).result(10) == 3
    assert not any(one.done() for one in hanging)
    gate.set()


ENDS = """
import asyncio, time
from tamis.core.threads import in_thread

async def main():
    asyncio.create_task(in_thread(time.sleep, 3600))
    await asyncio.sleep(0.01)

asyncio.run(main())
"""


def test_a_call_that_never_returns_does_not_keep_the_program() -> None:
    subprocess.run([sys.executable, "-c", ENDS], check=True, timeout=60)
