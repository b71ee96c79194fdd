"""What a target, a metric or an attack of somebody's may do on one case, and every other case is unharmed."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest

from tamis.core.content import Content
from tamis.eval.attacks.attack import Attacked, Changes
from tamis.eval.attacks.material import Material
from tamis.eval.case import Case
from tamis.eval.evaluation import evaluate
from tamis.eval.metrics.metric import About, Observed
from tamis.eval.outcome import Failed, Scored, Unscored
from tamis.eval.run.attempt import Asker
from tamis.eval.run.journal import records
from tamis.eval.run.record import Record
from tamis.eval.run.slots import Slots
from tamis.eval.suite import Suite, Trial
from tamis.eval.target import Request, Takes
from tamis.eval.trace import Trace

PLAIN = About(is_rate=False, higher_is_better=True)
CASES = [Case(f"c{number}", Content(f"q{number}")) for number in range(4)]


class NoText(Exception):
    """An error whose own text fails."""

    def __str__(self) -> str:
        return self.text  # type: ignore[attr-defined,no-any-return]


class NullText(Exception):
    """An error whose text is none."""

    def __str__(self) -> str:
        return None  # type: ignore[return-value]


class Outcome(BaseException):
    """What a test framework raises to end a test: no Exception, so that nobody swallows it."""


class AskedLater(ConnectionError):
    """An error that asks for patience in words."""

    retry_after_s = "5"


@dataclass(frozen=True)
class Says:
    """A metric that says whatever it is told to."""

    say: Callable[[Observed], Any]
    name: str = "says"
    about: About = PLAIN

    def score(self, seen: Observed) -> Any:
        return self.say(seen)


@dataclass(frozen=True)
class Does:
    """An attack that does whatever it is told to."""

    act: Callable[[Case], Any]
    name: str = "does"
    goal: str = "anything"
    source: str = "nobody"
    changes: frozenset[Changes] = frozenset({"query"})
    strengths: tuple[float, ...] = (1.0,)
    unit: str = "times"

    def apply(self, case: Case, strength: float, material: Material, rng: Random) -> Any:
        return self.act(case)

    control = apply


@dataclass
class Raises:
    """A target that raises in its own ``run``, with nothing of ours around it."""

    error: BaseException
    name: str = "raises"
    takes: frozenset[Takes] = frozenset()

    async def run(self, request: Request) -> Trace:
        if request.case == "c1":
            raise self.error
        return Trace(answer=Content("a"))

    async def close(self) -> None:
        """Nothing is held open."""


def fine(seen: Observed) -> Mapping[str, Scored]:
    return {"says": Scored(1.0)}


def run(target: Any, metric: Says, *attacks: Does) -> dict[str, Record]:
    """Records by case and variant of a run that came to its end."""
    suite = Suite("strange", (metric,), tuple(Trial(one, (1.0,), control=False) for one in attacks), retries=1)
    done = evaluate(target, CASES, suite, workers=2)
    assert done.report.counts.records == len(CASES) * (1 + len(attacks))
    return {f"{record.case} {record.variant.key}": record for record in records(done.folder)}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NoText(), "NoText: (its text cannot be shown: AttributeError)"),
        (NullText(), "NullText: (its text cannot be shown: TypeError)"),
        (Outcome("no answer"), "TargetError: the target raised Outcome: no answer"),
        (GeneratorExit("x"), "TargetError: the target raised GeneratorExit: x"),
        (BaseExceptionGroup("g", [KeyboardInterrupt()]), "the target raised BaseExceptionGroup: g (1 sub-exception)"),
        (AskedLater("busy"), "AskedLater: busy"),
        (asyncio.CancelledError(), "the target cancelled its own work"),
    ],
)
@pytest.mark.parametrize("kind", ["async", "target"])
def test_a_strange_error_of_the_target_fails_its_case_alone(error: BaseException, said: str, kind: str) -> None:
    async def answer(question: str) -> str:
        if question == "q1":
            raise error
        return "a"

    found = run(answer if kind == "async" else Raises(error), Says(fine))
    assert said in str(found.pop("c1 clean").error)
    assert all(record.error is None and record.outcomes["says"] == Scored(1.0) for record in found.values())


def test_ctrl_c_keeps_its_meaning() -> None:
    asker = Asker(Raises(KeyboardInterrupt()), Slots(1), deadline_s=5.0, retries=0)
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(asker.ask(Request("c1", Content("q"))))


def raising(error: BaseException) -> Callable[[Any], Any]:
    def act(given: Any) -> Any:
        raise error

    return act


@pytest.mark.parametrize(
    ("say", "said"),
    [
        (lambda seen: None, "the metric gave NoneType where outcomes by figure were expected"),
        (lambda seen: Scored(1.0), "the metric gave Scored where outcomes by figure were expected"),
        (lambda seen: {3: Scored(1.0)}, "the metric gave an outcome for 3, which is no figure's name"),
        (lambda seen: {"says": 1.0}, "the metric gave float where Scored, Unscored or Failed was expected"),
        (lambda seen: {"says": Unscored(None)}, "the metric gave no value, and as the reason None, which is no text"),  # type: ignore[arg-type]
        (raising(NoText()), "NoText: (its text cannot be shown: AttributeError)"),
        (raising(SystemExit(3)), "SystemExit: 3"),
    ],
)
def test_a_metric_of_any_kind_has_failed_where_it_gives_no_score(say: Callable[[Any], Any], said: str) -> None:
    found = run(lambda question: "a", Says(lambda seen: say(seen) if seen.case.id == "c1" else fine(seen)))
    assert found.pop("c1 clean").outcomes == {"says": Failed(said)}
    assert all(record.outcomes["says"] == Scored(1.0) for record in found.values())


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda case: None, "it gave NoneType where Attacked was expected"),
        (lambda case: Attacked(case.query, realised=float("nan")), "the strength that it reached is nan"),
        (lambda case: Attacked(case.query, realised=None), "the strength that it reached is None"),  # type: ignore[arg-type]
        (lambda case: Attacked(None, realised=1.0), "AttributeError"),  # type: ignore[arg-type]
        (raising(NoText()), "NoText: (its text cannot be shown: AttributeError)"),
        (raising(SystemExit(3)), "SystemExit: 3"),
    ],
)
def test_an_attack_of_any_kind_has_failed_where_it_gives_no_case(act: Callable[[Any], Any], said: str) -> None:
    attack = Does(lambda case: act(case) if case.id == "c1" else Attacked(case.query, realised=1.0))
    found = run(lambda question: "a", Says(fine), attack)
    assert said in str(found.pop("c1 does@1").error)
    assert all(record.error is None for record in found.values())


def test_a_case_whose_id_has_no_utf_8_can_be_attacked() -> None:
    cases = [replace(case, id=f"{case.id}\ud800") for case in CASES]
    attack = Does(lambda case: Attacked(case.query, realised=1.0))
    done = evaluate(lambda question: "a", cases, Suite("strange", (Says(fine),), (Trial(attack, (1.0,)),)))
    assert (done.report.counts.records, done.report.counts.failed) == (12, 0)
