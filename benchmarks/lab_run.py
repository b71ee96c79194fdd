"""What the laboratory costs beside the pipeline that it evaluates, and whether its runs survive being killed.

    python benchmarks/lab_run.py [--cases 1000] [--workers 32] [--wait 0.2] [--quick] [--json]
    python benchmarks/lab_run.py --kills 50 [--json]
    python benchmarks/lab_run.py --stream 100000 [--json]

The first: a stub answers after ``--wait`` seconds; the ideal is cases x wait / workers, and what is measured is the run
from the first case put to the stub to the last record on the disk. Beside it the same run against a stub that answers
at once: the laboratory's own seconds a case, on the clock and of the processor, at 1, 8 and 32 workers. Records are
fsynced as always.

The second: so many runs, each killed by SIGKILL at a random moment between its start and its end (the writing of the
report included) and gone on with; counted is how many reports are the bytes of the run that was not killed.

The third: so many cases streamed through a run, in a process of its own: how much more memory it has at its peak than
before the first case, during the run and while the report is made.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from tamis.core.content import Content
from tamis.eval.case import Case, Document
from tamis.eval.evaluation import evaluate
from tamis.eval.run.runner import Progress
from tamis.eval.suite import Suite
from tamis.eval.target import Request, Takes
from tamis.eval.trace import Passage, Step, Trace

METRICS = ("nDCG@10", "R@5", "gold_recall", "answer_f1", "answer_contained", "latency_s")
WORDS = ["amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "haven", "islet", "jetty", "knoll", "lagoon"]
DOCUMENTS = 10


@dataclass(frozen=True)
class Stub:
    """Answers with the documents as they came, after ``wait`` seconds."""

    wait: float
    name: str = "stub"
    takes: frozenset[Takes] = frozenset({"documents", "planted"})

    async def run(self, request: Request) -> Trace:
        if self.wait:
            await asyncio.sleep(self.wait)
        found = (*request.planted, *(request.documents or ()))
        passages = tuple(
            Passage(one.id, one.content, 1.0 / rank, one.planted) for rank, one in enumerate(found, start=1)
        )
        return Trace((Step("retrieve", passages), Step("rerank", passages[:5])), passages[0].content)

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Made:
    """Cases made as they are asked for, each with its documents of some 60 words; never all at once in memory."""

    count: int
    name: str = "made"
    format: str = "made"

    def cases(self) -> Iterator[Case]:
        return map(_case, range(self.count))

    def documents(self) -> Iterator[Document]:
        return iter(())

    def digest(self) -> str:
        return sha256(f"made {self.count}".encode()).hexdigest()


def _case(number: int) -> Case:
    draw = random.Random(number)
    documents = tuple(
        Document(f"d{number}-{place}", Content(" ".join(draw.choices(WORDS, k=60)))) for place in range(DOCUMENTS)
    )
    gold = draw.randrange(DOCUMENTS)
    question = f"where is the {' '.join(draw.choices(WORDS, k=5))} of {number}"
    return Case(f"c{number}", Content(question), documents, {documents[gold].id: 1}, (draw.choice(WORDS),))


def timed(count: int, wait: float, workers: int) -> dict[str, float]:
    """Seconds of the run alone, of the whole evaluation, and of the processor."""
    suite = Suite.of({"name": "bench", "metrics": list(METRICS)})
    moments: list[float] = []

    def note(progress: Progress) -> None:
        if progress.done in (0, progress.total):
            moments.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        processor, start = time.process_time(), time.perf_counter()
        evaluate(Stub(wait), Made(count), suite, out=Path(folder) / "run", workers=workers, progress=note)
        end = time.perf_counter()
        return {"run": moments[-1] - moments[0], "whole": end - start, "processor": time.process_time() - processor}


def speed(arguments: argparse.Namespace) -> dict[str, Any]:
    cases, workers, wait = arguments.cases, arguments.workers, arguments.wait
    # What is imported at the first use is not a cost of each case.
    timed(20, 0.0, workers)
    ideal = cases * wait / workers
    against = timed(cases, wait, workers)
    own = {str(many): timed(cases, 0.0, many) for many in (1, 8, 32)}
    return {
        "cases": cases,
        "workers": workers,
        "wait_s": wait,
        "ideal_s": ideal,
        "run_s": against["run"],
        "times_ideal": against["run"] / ideal,
        "with_report_s": against["whole"],
        "own_ms_a_case": {many: 1000 * one["run"] / cases for many, one in own.items()},
        "own_with_report_ms_a_case": {many: 1000 * one["whole"] / cases for many, one in own.items()},
        "processor_ms_a_case": {many: 1000 * one["processor"] / cases for many, one in own.items()},
    }


def stream(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs in this process, whose peak it reads."""
    suite = Suite.of({"name": "bench", "metrics": list(METRICS)})
    peaks: dict[str, int] = {}

    def note(progress: Progress) -> None:
        if progress.done == 0:
            peaks["before"] = _peak()
        if progress.done == progress.total:
            peaks["run"] = _peak()

    with tempfile.TemporaryDirectory() as folder:
        evaluate(Stub(0.0), Made(arguments.stream), suite, out=Path(folder) / "run", workers=32, progress=note)
        size = (Path(folder) / "run" / "journal.jsonl").stat().st_size
    peaks["report"] = _peak()
    growth = {f"{name}_mb": (peaks[name] - peaks["before"]) / 1024 for name in ("run", "report")}
    return {"cases": arguments.stream, "journal_mb": size / 2**20, **growth}


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def one_run(folder: Path) -> None:
    """What is killed: attacked, so that random numbers are drawn, and gone on with wherever it is."""
    suite = Suite.of(
        {
            "name": "bench",
            "metrics": list(METRICS),
            "attacks": [{"name": "poison", "strengths": [1]}, {"name": "typos", "strengths": [0.3]}],
        }
    )
    evaluate(Stub(0.02), Made(60), suite, out=folder, workers=8, seed=5, resume=True)


def kills(arguments: argparse.Namespace) -> dict[str, Any]:
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = time.perf_counter()
        _started(folder / "whole").wait()
        seconds = time.perf_counter() - start
        report = (folder / "whole" / "report.json").read_bytes()
        killed, same, records = 0, 0, []
        for number in range(arguments.kills):
            run = _started(folder / str(number))
            try:
                run.wait(draw.uniform(0, seconds))
            except subprocess.TimeoutExpired:
                run.send_signal(signal.SIGKILL)
                run.wait()
                killed += 1
            journal = folder / str(number) / "journal.jsonl"
            records.append(journal.read_bytes().count(b"\n") if journal.exists() else 0)
            _started(folder / str(number)).wait()
            same += (folder / str(number) / "report.json").read_bytes() == report
    return {
        "runs": arguments.kills,
        "killed": killed,
        "records_at_the_kill": sorted(records),
        "identical_reports": same,
        "seconds_of_a_run": seconds,
    }


def _started(folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, __file__, "--one-run", str(folder)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=32)
    parser.add_argument("--wait", type=float, default=0.2)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--stream", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="fewer cases: does it work, not how fast is it")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one-run", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one_run:
        one_run(arguments.one_run)
        return
    if arguments.quick:
        arguments.cases, arguments.wait = min(arguments.cases, 100), min(arguments.wait, 0.05)
    measure = kills if arguments.kills else stream if arguments.stream else speed
    result = {**measure(arguments), "python": platform.python_version(), "processors": os.cpu_count()}
    if arguments.json:
        print(json.dumps(result, indent=1))
        return
    for key, value in result.items():
        print(f"{key:28}{value:.3f}" if isinstance(value, float) else f"{key:28}{value}")


if __name__ == "__main__":
    main()
