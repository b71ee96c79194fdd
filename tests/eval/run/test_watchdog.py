"""An event loop that stands still is told of, once, while it does."""

import asyncio
import time

import pytest

from tamis.eval.run.watchdog import watched


def stand_still(seconds: float) -> None:
    time.sleep(seconds)


def test_a_loop_that_stands_still_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    seen_before_the_end: list[int] = []

    async def main() -> None:
        with watched(longest_s=0.3):
            await asyncio.sleep(0)
            stand_still(1.5)
            seen_before_the_end.append(len(caplog.records))
            stand_still(0.6)

    asyncio.run(main())
    assert seen_before_the_end == [1]
    (said,) = (record.getMessage() for record in caplog.records)
    assert "the event loop stands still for more than 0.3 s" in said
    assert "write its function as a plain def" in said


def test_a_loop_that_goes_on_is_not(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        with watched(longest_s=1.0):
            await asyncio.sleep(1.5)

    asyncio.run(main())
    assert not caplog.records
