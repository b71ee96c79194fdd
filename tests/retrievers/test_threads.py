"""The thread pools of searches, in a process that was forked from one that had already searched."""

import os
import subprocess
import sys

import pytest

FORKED = """
import asyncio, os
from tamis.retrievers.threads import in_thread, started

async def both():
    # Longer than it should ever take, shorter than the test waits.
    return await asyncio.wait_for(in_thread(sum, [1, 2]), 20)

assert (started(sum, [1]).result(), asyncio.run(both())) == (1, 3)
child = os.fork()
if child == 0:
    done = (started(sum, [1]).result(timeout=20), asyncio.run(both())) == (1, 3)
    os._exit(0 if done else 1)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_threads_of_its_own() -> None:
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", FORKED], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
