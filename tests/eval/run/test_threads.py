"""Threads that are used again, and that keep no program from ending."""

import subprocess
import sys
import threading
import time
from concurrent.futures import wait

import pytest

from tamis.eval.run.threads import DaemonThreads


def test_results_and_errors_come_back() -> None:
    threads = DaemonThreads()
    assert threads.submit(divmod, 7, 2).result(5) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        threads.submit(divmod, 7, 0).result(5)
    threads.shutdown()
    with pytest.raises(RuntimeError, match="shut down"):
        threads.submit(divmod, 7, 2)


def test_a_free_thread_is_used_again_and_a_busy_one_is_not_waited_for() -> None:
    threads = DaemonThreads()
    names = set()
    for _ in range(20):
        names.add(threads.submit(lambda: threading.current_thread().name).result(5))
        # Free again a moment after its result is there.
        time.sleep(0.002)
    assert len(names) <= 3
    gate = threading.Barrier(21)
    together = [threads.submit(gate.wait, 5) for _ in range(20)]
    gate.wait(5)
    assert not wait(together, 5).not_done
    threads.shutdown()


ENDS = """
import asyncio, time
from tamis.eval.run.threads import DaemonThreads
with asyncio.Runner() as runner:
    runner.get_loop().set_default_executor(DaemonThreads())
    async def main():
        asyncio.get_running_loop().run_in_executor(None, time.sleep, 3600)
        await asyncio.sleep(0.05)
    runner.run(main())
"""


def test_a_call_that_never_returns_does_not_keep_the_program() -> None:
    subprocess.run([sys.executable, "-c", ENDS], check=True, timeout=20)
