"""What no other sentence would be spared is raised; what one judge or screen puts wrongly costs no answer."""

from dataclasses import dataclass
from typing import Any

import pytest

from tamis.core.errors import BadSetting, MissingExtra, ModelUnavailable, NotFitted, ScorerError, UnknownComponent
from tamis.guard import Guard, GuardedQueryEngine, PassageScreen
from tamis.models.judge import Verdict
from tamis.models.screen import Screened

from .conftest import Ask
from .stand_ins import ALSO, BAD, GOOD, FakeJudge, FakeScreen, ScriptedLLM, engine, guard, nodes

BROKEN = [
    MissingExtra("judging", extra="local"),
    ModelUnavailable("there is no such folder"),
    BadSetting("the model has no label that means entailment"),
    NotFitted("the calibrator is not fitted"),
    UnknownComponent("there is no such writer"),
]


@dataclass
class Broken:
    """A judge and a screen that raise what they are told, from their second call on or at once."""

    error: Exception
    spared: int = 0
    name: str = "broken"
    threshold: float = 0.5

    def judge(self, claims: Any, evidence: Any) -> list[Verdict]:
        self._raised()
        return [Verdict(0.1 if "moon" in claim else 0.9) for claim in claims]

    def screen(self, contents: Any) -> list[Screened]:
        self._raised()
        return [Screened(0.1) for _ in contents]

    def _raised(self) -> None:
        self.spared -= 1
        if self.spared < 0:
            raise self.error


@pytest.mark.parametrize("error", BROKEN, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("deadline_s", [None, 5.0])
def test_a_judge_that_can_never_work_is_an_error(ask: Ask, error: Exception, deadline_s: float | None) -> None:
    settings = guard(judge=Broken(error), deadline_s=deadline_s)
    with pytest.raises(type(error)):
        ask(GuardedQueryEngine(engine(ScriptedLLM(GOOD)), settings), "How is the bus?")


@pytest.mark.parametrize("error", BROKEN, ids=lambda error: type(error).__name__)
def test_a_screen_that_can_never_work_is_an_error(error: Exception) -> None:
    with pytest.raises(type(error)):
        PassageScreen(Broken(error)).postprocess_nodes(nodes())


def test_so_it_is_where_the_answer_was_taken_up_again(ask: Ask) -> None:
    # The sentences of a whole answer are judged together, those of the next attempt in another call.
    settings = guard(judge=Broken(BROKEN[1], spared=1), mode="regenerate")
    with pytest.raises(ModelUnavailable):
        list(ask(GuardedQueryEngine(engine(ScriptedLLM(f"{GOOD} {BAD}", ALSO)), settings), "How is the bus?"))


def test_an_error_that_may_pass_is_a_reason(ask: Ask) -> None:
    settings = guard(judge=Broken(ScorerError("the server is away")))
    assert ask(GuardedQueryEngine(engine(ScriptedLLM(GOOD)), settings), "How is the bus?")[0] == GOOD


@pytest.mark.parametrize(
    "judge",
    [
        {"name": "nli", "model": "/models/typo"},
        {"name": "chooser", "chooser": {"name": "mllm", "model": "/models/typo"}},
        {"name": "scorer", "scorer": {"name": "cross-encoder", "model": "/models/typo"}},
        {"name": "embedding", "embedder": {"name": "sentence-transformers", "model": "/models/typo"}},
    ],
    ids=lambda judge: str(judge["name"]),
)
def test_a_mistyped_model_does_not_let_everything_through(judge: dict[str, Any]) -> None:
    pytest.importorskip("sentence_transformers", reason="the `local` extra is not installed")
    pytest.importorskip("accelerate", reason="the `mllm` extra is not installed")
    guarded = GuardedQueryEngine(engine(ScriptedLLM(f"{GOOD} {BAD}")), Guard(judge=judge, mode="cut"))
    with pytest.raises(ModelUnavailable, match="/models/typo"):
        guarded.query("How is the bus?")


class Odd(FakeJudge):
    """Gives a verdict as it is told."""

    def __init__(self, verdict: Any) -> None:
        super().__init__()
        self.verdict = verdict

    def _one(self, claim: str) -> Verdict:
        found: Verdict = self.verdict
        return found


class OddScreen(FakeScreen):
    """Gives a result as it is told."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result

    def _one(self, text: str) -> Screened:
        found: Screened = self.result
        return found


@pytest.mark.parametrize("reason", [None, 3, ValueError("odd")])
def test_a_reason_that_is_no_text_costs_no_answer(ask: Ask, reason: Any) -> None:
    for settings in (
        guard(judge=Odd(Verdict(0.9, reason))),
        guard(judge=Odd(Verdict(None, reason))),
        guard(screen=OddScreen(Screened(0.1, reason))),
        guard(screen=OddScreen(Screened(None, reason))),
    ):
        assert ask(GuardedQueryEngine(engine(ScriptedLLM(GOOD)), settings), "How is the bus?")[0] == GOOD


def test_a_category_that_is_no_text_is_told_as_one(ask: Ask) -> None:
    settings = guard(screen=OddScreen(Screened(0.9, "a word", 3)), refusal="No.")  # type: ignore[arg-type]
    assert ask(GuardedQueryEngine(engine(ScriptedLLM(GOOD)), settings), "How is the bus?")[0] == "No."


@pytest.mark.parametrize("threshold", [None, "0.5", float("nan")])
def test_a_threshold_is_checked_when_the_screen_is_set(threshold: Any) -> None:
    with pytest.raises(BadSetting, match="threshold of the screen fake"):
        Guard(judge=None, screen=FakeScreen(threshold=threshold))
