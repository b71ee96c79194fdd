"""An event loop that ends with its run, whatever is left in it."""

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tamis.core.content import Content
from tamis.eval.case import Case
from tamis.eval.evaluation import evaluate
from tamis.eval.run.loop import run_to_its_end
from tamis.eval.suite import Suite

CASES = [Case(f"c{number}", Content(f"q{number}"), answers=("a",)) for number in range(4)]
SUITE = Suite.of({"name": "small", "metrics": ["answer_f1"], "deadline_s": 0.2})


async def swallows() -> None:
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)


def test_a_task_that_swallows_its_cancellation_is_left_alone() -> None:
    others: list[asyncio.Task[None]] = []

    async def main() -> str:
        others.append(asyncio.create_task(swallows()))
        others.append(asyncio.create_task(asyncio.sleep(3600)))
        await asyncio.sleep(0)
        return "done"

    started = time.monotonic()
    assert run_to_its_end(main(), patience_s=0.1) == "done"
    assert time.monotonic() - started < 2
    assert [task.cancelled() for task in others] == [False, True]


def test_generators_are_closed_and_errors_come_out() -> None:
    closed: list[bool] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            closed.append(True)

    held = numbers()

    async def main() -> None:
        await anext(held)
        raise LookupError("nothing there")

    with pytest.raises(LookupError, match="nothing there"):
        run_to_its_end(main())
    assert closed == [True]


def test_a_run_ends_though_its_target_swallows_being_cancelled(tmp_path: Path) -> None:
    async def target(question: str) -> str:
        if question == "q1":
            await swallows()
        return "a"

    run = evaluate(target, CASES, SUITE, out=tmp_path / "run")
    assert (run.report.counts.records, run.report.counts.failed) == (4, 1)


ENDS = """
import asyncio
from tamis.eval.run.loop import run_to_its_end

async def swallows_all():
    while True:
        try:
            await asyncio.sleep(3600)
        except BaseException:
            pass

async def main():
    asyncio.create_task(swallows_all())
    await asyncio.sleep(0)

run_to_its_end(main(), patience_s=0.1)
"""


def test_the_program_ends_too() -> None:
    done = subprocess.run([sys.executable, "-c", ENDS], capture_output=True, text=True, check=True, timeout=30)
    assert done.stderr == ""
