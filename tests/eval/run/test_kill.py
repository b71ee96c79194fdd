"""A run that is killed again and again, and gone on with, ends in the very report of one that never was."""

import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tamis.eval.run.journal import FILE, records

APP = """
import asyncio, os, sys
from pathlib import Path
from tamis.core.content import Content
from tamis.eval.case import Case, Document
from tamis.eval.evaluation import evaluate
from tamis.eval.suite import Suite
from tamis.eval.target import Request
from tamis.eval.trace import Passage, Step, Trace

async def engine(request: Request) -> Trace:
    with open("asked.log", "a") as log:
        log.write(f"{request.case} {len(request.planted)} {request.query.text}\\n")
    await asyncio.sleep(0.005)
    found = (*request.planted, *(request.documents or ()))
    passages = tuple(Passage(one.id, one.content, None, one.planted) for one in found)
    return Trace((Step("retrieve", passages),), passages[0].content)

WORDS = "amber basin cedar delta ember fjord grove haven islet jetty".split()
CASES = [
    Case(f"c{i}", Content(f"where is the {WORDS[i % 10]} number {i}"),
         tuple(Document(f"d{j}", Content(f"the {WORDS[j % 10]} by the {WORDS[j // 10]}")) for j in range(i, i + 3)),
         {f"d{i}": 1}, answers=(WORDS[i // 10],))
    for i in range(60)
]
SUITE = Suite.of({
    "name": "small", "metrics": ["nDCG@10", "answer_f1", "exposure", "latency_s"],
    "gates": ["delta answer_f1.poison > -0.9"],
    "attacks": [{"name": "poison", "strengths": [1]}, {"name": "typos", "strengths": [0.3], "control": False}],
})

if __name__ == "__main__":
    if len(sys.argv) > 2:
        import resource
        # No file may grow beyond this: what a full disk does to a write.
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
    evaluate(engine, CASES, SUITE, out=sys.argv[1], workers=4, seed=5, resume=True)
"""
UNITS = 60 * 4
WORKERS = 4


def start(folder: Path, *limit: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, str(folder / "app.py"), "run", *limit]
    return subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE if limit else None)


def lines_in(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pipeline, and a run of it in ``whole`` that nothing befell."""
    folder = tmp_path_factory.mktemp("killed")
    (folder / "app.py").write_text(APP)
    with start(folder) as whole:
        assert whole.wait(60) == 0
    (folder / "run").rename(folder / "whole")
    (folder / "asked.log").rename(folder / "whole" / "asked.log")
    return folder


@pytest.fixture(autouse=True)
def afresh(app: Path) -> Iterator[None]:
    yield
    shutil.rmtree(app / "run")
    (app / "asked.log").unlink()


def test_killed_at_random_moments_and_resumed_the_report_is_the_same_to_the_byte(app: Path) -> None:
    report = (app / "whole" / "report.json").read_bytes()
    asked = Counter((app / "whole" / "asked.log").read_text().splitlines())
    draw = random.Random(4)
    kills = 0
    for wanted in sorted(draw.sample(range(5, UNITS - 20), 4)):
        with start(app) as run:
            while lines_in(app / "run" / FILE) < wanted:
                assert run.poll() is None, "it ended before it was killed"
                time.sleep(0.002)
            time.sleep(draw.uniform(0, 0.01))
            run.send_signal(signal.SIGKILL)
        kills += 1
    with start(app) as last:
        assert last.wait(60) == 0

    assert (app / "run" / "report.json").read_bytes() == report
    keys = [record.key for record in records(app / "run")]
    assert len(keys) == len(set(keys)) == UNITS
    # What is not in the journal is asked again, and that is never more than was under way.
    again = Counter((app / "asked.log").read_text().splitlines())
    assert again.keys() == asked.keys()
    assert (again - asked).total() <= kills * (2 * WORKERS + 32)


def test_a_full_disk_stops_it_says_how_to_go_on_and_loses_nothing(app: Path) -> None:
    with start(app, "50000") as run:
        said = run.communicate(timeout=60)[1].decode()
    assert run.returncode == 1
    count = len(list(records(app / "run")))
    assert 0 < count < UNITS
    assert f"there is no room to write on (File too large); {count} of {UNITS} records are safe in {app}/run" in said
    assert "go on with --resume" in said
    assert (app / "run" / FILE).read_bytes().endswith(b"}\n")
    with start(app) as resumed:
        assert resumed.wait(60) == 0
    assert (app / "run" / "report.json").read_bytes() == (app / "whole" / "report.json").read_bytes()
