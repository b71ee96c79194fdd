"""An attack or a metric that hangs has failed, and keeps nothing else from its end."""

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random

import pytest

from tamis.core.content import Content
from tamis.core.media import MediaPolicy
from tamis.eval.attacks.attack import Attacked, Changes
from tamis.eval.attacks.material import Material
from tamis.eval.attacks.pool import Pool
from tamis.eval.case import Case
from tamis.eval.metrics.metric import About, Observed
from tamis.eval.outcome import Failed, Outcome, Scored
from tamis.eval.run.attempt import Asker
from tamis.eval.run.evidence import Thumbnails
from tamis.eval.run.patience import Patience, TookTooLong
from tamis.eval.run.record import Record
from tamis.eval.run.slots import Slots
from tamis.eval.run.threads import DaemonThreads
from tamis.eval.run.unit import Unit, UnitRunner
from tamis.eval.targets import FunctionTarget
from tamis.eval.variant import CLEAN, Variant

PLAIN = About(is_rate=False, higher_is_better=None)


@dataclass(frozen=True)
class Waits:
    """An attack that waits until it may go on."""

    gate: threading.Event
    name: str = "waits"
    goal: str = "wait"
    source: str = "nobody"
    changes: frozenset[Changes] = frozenset({"query"})
    strengths: tuple[float, ...] = (1.0,)
    unit: str = "gates"

    def apply(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        self.gate.wait()
        return Attacked(case.query, realised=1.0)

    control = apply


@dataclass(frozen=True)
class Scores:
    """A metric that gives 1 as soon as it may."""

    name: str
    gate: threading.Event
    about: About = PLAIN

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        self.gate.wait()
        return {self.name: Scored(1.0)}


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Shut until the test is over."""
    gate = threading.Event()
    yield gate
    gate.set()


def run(gate: threading.Event, variant: Variant) -> Record:
    """One case by a runner of little patience, whose second metric and whose attack wait for the gate."""
    target = FunctionTarget(lambda question: "a", name="quick")
    is_open = threading.Event()
    is_open.set()
    runner = UnitRunner(
        name="quick",
        takes=target.takes,
        asker=Asker(target, Slots(1), deadline_s=5.0, retries=0),
        attacks={"waits": Waits(gate)},
        metrics=(Scores("first", is_open), Scores("second", gate), Scores("third", is_open)),
        material=lambda: Pool(()),
        thumbnails=Thumbnails(MediaPolicy()),
        patience=Patience(DaemonThreads(), 0.3),
        seed=0,
    )
    finished = asyncio.run(runner.run(Unit(0, Case("c", Content("q")), variant)))
    return Record.of(json.loads(finished.line)["record"])


def test_a_metric_that_hangs_has_failed_and_the_others_are_judged(gate: threading.Event) -> None:
    outcomes = run(gate, CLEAN).outcomes
    assert outcomes["first"] == outcomes["third"] == Scored(1.0)
    assert outcomes["second"] == Failed("the metric failed: it did not end within 0.3 s")


def test_an_attack_that_hangs_has_failed(gate: threading.Event) -> None:
    record = run(gate, Variant("waits", 1.0))
    assert record.error == "the attack failed: it did not end within 0.3 s"
    assert set(record.outcomes) == {"first", "second", "third"}


def test_what_goes_on_step_by_step_is_waited_for(gate: threading.Event) -> None:
    looks: list[int] = []

    def steps() -> int:
        looks.append(len(looks))
        if len(looks) == 4:
            gate.set()
        return len(looks)

    assert asyncio.run(Patience(DaemonThreads(), 0.02).call(gate.wait, steps))
    assert len(looks) >= 4


def test_without_a_limit_it_is_waited_for(gate: threading.Event) -> None:
    async def both() -> str:
        threads = DaemonThreads()
        with pytest.raises(TookTooLong, match=r"within 0\.05 s"):
            await Patience(threads, 0.05).call(gate.wait)
        asyncio.get_running_loop().call_later(0.1, gate.set)
        await Patience(threads, None).call(gate.wait)
        return "done"

    assert asyncio.run(both()) == "done"
