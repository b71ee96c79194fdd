"""CachedScorer on a file that others use: what is there is found, waiting has an end, and a fork takes no lock on."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tamis.core.content import Content
from tamis.models.deadline import until
from tamis.models.score_cache import CachedScorer
from tamis.models.score_file import WAIT_S
from tamis.models.scorer import LocalScorer

QUERY = Content("bus")
KNOWN = [Content("a"), Content("bb")]
asked: list[str] = []


@dataclass(frozen=True)
class ByLength(LocalScorer):
    """Longer is better; notes what it was asked."""

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        asked.extend(passage.text for passage in passages)
        return [float(len(passage.text)) for passage in passages]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A cache that knows the scores of KNOWN."""
    scorer = CachedScorer(ByLength(), tmp_path / "scores.db")
    scorer.score(QUERY, KNOWN)
    scorer.close()
    asked.clear()
    return tmp_path / "scores.db"


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Inside, somebody else writes."""
    db = sqlite3.connect(file, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        db.execute("ROLLBACK")
        db.close()


@pytest.mark.parametrize("is_open", [True, False])
def test_what_is_there_is_found_at_once_while_somebody_else_writes(file: Path, is_open: bool, caplog: Any) -> None:
    scorer = CachedScorer(ByLength(), file)
    if is_open:
        scorer.score(QUERY, KNOWN[:1])
    with locked(file):
        started = time.monotonic()
        assert scorer.score(QUERY, KNOWN) == [1.0, 2.0]
        assert time.monotonic() - started < WAIT_S / 2
    assert asked == []
    assert caplog.text == ""
    scorer.close()


def test_nobody_waits_longer_than_the_deadline_leaves(file: Path) -> None:
    scorer = CachedScorer(ByLength(), file)
    with locked(file):
        started = time.monotonic()
        with until(started + 0.1):
            assert scorer.score(QUERY, [*KNOWN, Content("ccc")]) == [1.0, 2.0, 3.0]
        assert time.monotonic() - started < WAIT_S / 2
    assert asked == ["ccc"]
    scorer.close()


def test_a_file_that_stays_locked_is_waited_for_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tamis.models.score_file.WAIT_S", 0.4)
    scorer = CachedScorer(ByLength(), file)
    with locked(file):
        started = time.monotonic()
        for number in range(20):
            scorer.score(QUERY, [Content(f"new {number}")])
        assert 0.4 <= time.monotonic() - started < 4.0
    # Once it is free again, scores are kept as before.
    for _ in range(2):
        scorer.score(QUERY, [Content("dddd")])
    assert asked.count("dddd") == 1
    scorer.close()


def test_threads_read_while_another_one_waits_to_write(file: Path) -> None:
    scorer = CachedScorer(ByLength(), file)
    with locked(file):
        writer = threading.Thread(target=scorer.score, args=(QUERY, [Content("ccc")]))
        writer.start()
        while asked != ["ccc"]:
            time.sleep(0.005)
        time.sleep(0.05)
        assert scorer.score(QUERY, KNOWN) == [1.0, 2.0]
        assert writer.is_alive()
    writer.join()
    scorer.close()


FORKS = """
import os, sqlite3, sys, threading, time
from tamis.core.content import Content
from tamis.models.score_cache import CachedScorer
from tamis.testing import FakeScorer

query, known, new = Content("red bus"), [Content("a red bus")], [Content("the red one")]
scorer = CachedScorer(FakeScorer(), sys.argv[1])
expected = scorer.score(query, known)
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("BEGIN IMMEDIATE")
writer = threading.Thread(target=scorer.score, args=(query, new))
writer.start()
time.sleep(0.3)
child = os.fork()
if not child:
    os._exit(0 if scorer.score(query, known) == expected else 1)
until = time.monotonic() + 8
ended, status = os.waitpid(child, os.WNOHANG)
while not ended and time.monotonic() < until:
    time.sleep(0.01)
    ended, status = os.waitpid(child, os.WNOHANG)
if not ended:
    os.kill(child, 9)
    os.waitpid(child, 0)
    status = "it hangs"
other.execute("ROLLBACK")
writer.join()
sys.exit(status)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_of_a_fork_goes_on_where_a_thread_of_the_parent_was_in_the_file(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FORKS, str(tmp_path / "scores.db")], capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
