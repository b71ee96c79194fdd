"""Stand-ins for runs: cases, a target, an attack and metrics that are small and known through and through."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tamis.core.content import Content
from tamis.eval.attacks.attack import Attacked, Changes, NotApplicable
from tamis.eval.attacks.material import Material
from tamis.eval.case import Case, Document
from tamis.eval.metrics.metric import About, Observed, at_step
from tamis.eval.outcome import Outcome, Scored, Unscored
from tamis.eval.run.data import Cases, identity
from tamis.eval.run.journal import records
from tamis.eval.run.plan import Plan
from tamis.eval.run.session import How, Wanted, run
from tamis.eval.run.threads import DaemonThreads
from tamis.eval.suite import Suite, Trial
from tamis.eval.target import Request, Takes
from tamis.eval.trace import Passage, Step, Trace

LENGTH = About(is_rate=False, higher_is_better=None, unit="characters")
SHARE = About(is_rate=False, higher_is_better=False)
SECONDS = About(is_rate=False, higher_is_better=False, unit="s", is_measured_time=True)


@dataclass(frozen=True)
class Plants:
    """Plants so many documents with random words; not applicable to a case that is tagged "immune"."""

    name: str = "plants"
    goal: str = "bring about a wrong answer"
    source: str = "nobody"
    changes: frozenset[Changes] = frozenset({"planted"})
    strengths: tuple[float, ...] = (1.0, 2.0)
    unit: str = "planted passages"

    def apply(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        return self._planted(case, strength, rng, "wrong")

    def control(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        return self._planted(case, strength, rng, "harmless")

    def _planted(self, case: Case, strength: float, rng: Random, word: str) -> Attacked:
        if "immune" in case.tags:
            raise NotApplicable("the case is immune")
        planted = tuple(
            Document(f"p{number}", Content(f"{word} {rng.random()}"), planted=self.name)
            for number in range(int(strength))
        )
        return Attacked(case.query, planted=planted, realised=float(len(planted)))


@dataclass(frozen=True)
class AnswerLength:
    """Characters of the answer; unscored without one."""

    name: str = "answer_length"
    about: About = LENGTH

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        answer = seen.trace.answer
        return {self.name: Scored(len(answer.text)) if answer and answer.text else Unscored("no answer")}


@dataclass(frozen=True)
class Exposure:
    """Share of planted passages at each step."""

    name: str = "exposure"
    about: About = SHARE

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        return {
            at_step(self.name, step.name): Scored(
                sum(one.planted is not None for one in step.passages) / max(1, len(step.passages))
            )
            for step in seen.trace.steps
        }


@dataclass(frozen=True)
class Latency:
    """Seconds of the answer."""

    name: str = "latency"
    about: About = SECONDS

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        return {self.name: Scored(seen.trace.seconds or 0.0)}


@dataclass
class Engine:
    """A target that answers from the documents it is given, after ``wait`` seconds; ``behave`` may do otherwise."""

    name: str = "engine"
    takes: frozenset[Takes] = frozenset({"documents", "planted", "images"})
    wait: float = 0.0
    behave: Callable[[Request], Any] = lambda request: None
    asked: list[str] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    closed: bool = False

    async def run(self, request: Request) -> Trace:
        self.asked.append(request.case)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self.wait)
            other = self.behave(request)
            if asyncio.iscoroutine(other):
                other = await other
        finally:
            self.under_way -= 1
        if other is not None:
            return other  # type: ignore[no-any-return]
        passages = tuple(
            Passage(one.id, one.content, 1.0 / rank, one.planted)
            for rank, one in enumerate((*request.planted, *(request.documents or ())), start=1)
        )
        answer = " ".join(passage.content.text for passage in passages)
        return Trace((Step("retrieve", passages),), Content(answer), prompt=request.query.text)

    async def close(self) -> None:
        self.closed = True


def case_of(number: int) -> Case:
    return Case(
        f"c{number}",
        Content(f"question {number}"),
        documents=(Document(f"d{number}", Content("word " * (number % 7))),),
        relevance={f"d{number}": 1},
        tags=("immune",) if number % 5 == 4 else (),
    )


@dataclass
class Laboratory:
    """Runs a suite on some cases in a folder, and says what is in the journal, without what a clock gave."""

    folder: Path
    count: int = 20
    suite: Suite = field(
        default_factory=lambda: Suite(
            "small", (AnswerLength(), Exposure(), Latency()), (Trial(Plants(), (1.0, 2.0)),), deadline_s=5.0
        )
    )

    def wanted(self, target: Any, *, seed: int = 1) -> Wanted:
        data = Cases([case_of(number) for number in range(self.count)])
        plan = Plan.made(self.suite, target.name, identity(data), seed)
        return Wanted(plan, self.suite, data, target, target)

    def run(self, target: Any, out: str = "run", *, seed: int = 1, resume: bool = False, **how: Any) -> Path:
        folder = self.folder / out
        with asyncio.Runner() as loop:
            loop.get_loop().set_default_executor(DaemonThreads())
            loop.run(run(self.wanted(target, seed=seed), folder, How(**how), resume=resume))
        return folder

    @staticmethod
    def numbers(folder: Path) -> list[dict[str, Any]]:
        found = [replace(record, timings={}).to_json() for record in records(folder)]
        return sorted(found, key=lambda one: (one["number"], one["variant"]))


@pytest.fixture
def engine() -> type[Engine]:
    return Engine


@pytest.fixture
def laboratory(tmp_path: Path) -> Laboratory:
    return Laboratory(tmp_path)
