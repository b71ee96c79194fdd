"""The lock on a run's folder: gone with the process that took it, and told from a folder that cannot be written."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tamis.eval.run.errors import RunLocked
from tamis.eval.run.lock import FILE, lock

FORKS = """
import os, sys, time
from pathlib import Path
from tamis.eval.run.lock import lock

lock(Path(sys.argv[1]))
if child := os.fork():
    print(child, flush=True)
time.sleep(60)
"""

REUSES = """
import os, sys
from pathlib import Path
from tamis.eval.run.lock import lock

held = lock(Path(sys.argv[1]))
os.close(held)
other = os.open(Path(sys.argv[1]) / "other", os.O_RDONLY)
assert other == held
if child := os.fork():
    sys.exit(os.waitpid(child, 0)[1] != 0)
os.write(1, os.read(other, 1))
os._exit(0)
"""


def test_one_at_a_time_and_the_holder_is_named(tmp_path: Path) -> None:
    held = lock(tmp_path)
    with pytest.raises(RunLocked, match=f"process {os.getpid()} is writing"):
        lock(tmp_path)
    os.close(held)
    os.close(lock(tmp_path))


def test_a_child_does_not_keep_the_lock_of_a_parent_that_was_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", FORKS, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        with pytest.raises(RunLocked, match=f"process {parent.pid} "):
            lock(tmp_path)
        parent.kill()
        parent.wait(10)
        try:
            os.close(lock(tmp_path))
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_file_opened_later_under_the_same_number_stays_open_in_a_child(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("x")
    command = [sys.executable, "-c", REUSES, str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout == "x"


def test_a_lock_file_that_cannot_be_opened_is_held_by_nobody(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(IsADirectoryError, match=FILE):
        lock(tmp_path)
