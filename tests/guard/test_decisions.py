"""What is decided, of sentences, queries and passages, and how it is told."""

from typing import Any

import pytest
from llama_index.core.base.response.schema import PydanticResponse, Response
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import CustomQueryEngine
from llama_index.core.schema import ImageNode, NodeWithScore, QueryBundle
from pydantic import BaseModel

from tamis.core.errors import MissingExtra
from tamis.guard import (
    GuardedQueryEngine,
    GuardOutcomeEvent,
    GuardPassageEvent,
    GuardQueryEvent,
    GuardSentenceEvent,
    PassageScreen,
)
from tamis.models.judge import Verdict
from tamis.models.screen import Screened
from tamis.testing.recording import Recording, recording

from .conftest import Ask
from .stand_ins import ALSO, BAD, GOOD, FakeJudge, FakeScreen, ScriptedLLM, engine, guard, nodes, retriever_of

HARMFUL = "Throw the grenade now."
UNCHECKED = "[The answer ends here: the next sentence could not be checked.]"
WITHHELD = "[The answer ends here: the next sentence was withheld as harmful.]"


def of(kind: type[Any], seen: Recording) -> list[Any]:
    return [event for event in seen.events if isinstance(event, kind)]


def test_every_sentence_is_told_with_what_became_of_it_and_why(ask: Ask) -> None:
    llm = ScriptedLLM(f"{GOOD} {BAD}", f"{GOOD} {ALSO} {BAD}", "NONE")
    with recording() as seen:
        ask(GuardedQueryEngine(engine(llm), guard(mode="regenerate")), "How is the bus?")
    told = [(one.sentence, one.attempt, one.decision, one.action) for one in of(GuardSentenceEvent, seen)]
    assert told == [
        (0, 0, "supported", "released"),
        (1, 0, "unsupported", "regenerated"),
        (1, 1, "supported", "skipped"),
        (1, 1, "supported", "released"),
        (2, 1, "unsupported", "regenerated"),
        (2, 2, "unchecked", "skipped"),
    ]
    first, second, *_ = of(GuardSentenceEvent, seen)
    assert (first.supported, first.harmful, first.text) == (0.9, None, GOOD)
    assert (second.supported, second.reason, second.text) == (0.1, "a word of it is denied", BAD)
    [outcome] = of(GuardOutcomeEvent, seen)
    assert {one.answer for one in of(GuardSentenceEvent, seen)} == {outcome.answer}
    assert (outcome.ending, outcome.released, outcome.regenerations, outcome.first_unsupported) == ("complete", 2, 2, 1)
    assert outcome.counts == {"supported": 2, "unsupported": 2}


@pytest.mark.parametrize(
    ("mode", "action", "ending"), [("cut", "cut", "cut"), ("mark", "marked", "complete"), ("regenerate", "cut", "cut")]
)
def test_the_outcome_is_told(ask: Ask, mode: str, action: str, ending: str) -> None:
    with recording() as seen:
        ask(GuardedQueryEngine(engine(ScriptedLLM(f"{GOOD} {BAD}")), guard(mode=mode, tries=0)), "How is the bus?")
    assert of(GuardSentenceEvent, seen)[-1].action == action
    [outcome] = of(GuardOutcomeEvent, seen)
    assert (outcome.ending, outcome.first_unsupported, outcome.counts) == (
        ending,
        1,
        {"supported": 1, "unsupported": 1},
    )


def test_marks_of_citations_and_lists_are_no_part_of_what_is_judged(ask: Ask) -> None:
    judge = FakeJudge()
    text = f"1. **{GOOD}** [1, 2]\n2. {ALSO} [3]\n- {GOOD}\n## Colour\n[4]\n---"
    assert ask(GuardedQueryEngine(engine(ScriptedLLM(text)), guard(judge=judge)), "How is the bus?")[0] == text
    assert sum(judge.calls, []) == [f"**{GOOD}**", ALSO, GOOD]  # noqa: RUF017


@pytest.mark.parametrize(
    "label",
    ["## Summary", "### Key Findings", "Here are the main steps:", "**In short, here is what I found:**", "结论："],
)
def test_a_label_is_not_judged_and_says_why(ask: Ask, label: str) -> None:
    judge = FakeJudge(denies=(label.strip("#* "),))
    with recording() as seen:
        text, _ = ask(
            GuardedQueryEngine(engine(ScriptedLLM(f"{label}\n\n{GOOD}")), guard(judge=judge)), "How is the bus?"
        )
    assert text == f"{label}\n\n{GOOD}"
    assert judge.calls == [[GOOD]]
    [first, _] = of(GuardSentenceEvent, seen)
    assert (first.decision, first.reason) == ("unchecked", "it is a heading, or leads to what follows")


@pytest.mark.parametrize(
    "claim",
    [
        "## The bus flies to the moon",
        "# Flights in 1969",
        "The bus to the moon leaves every day:",
        "It flies to Paris:",
        "It has 3 wheels:",
    ],
)
def test_what_looks_like_a_label_and_states_something_is_judged(ask: Ask, claim: str) -> None:
    judge = FakeJudge()
    ask(
        GuardedQueryEngine(engine(ScriptedLLM(f"{claim}\n\n{GOOD}")), guard(judge=judge, mode="mark")),
        "How is the bus?",
    )
    assert [claim.lstrip("# "), GOOD] == [one for call in judge.calls for one in call]


def test_a_short_heading_is_screened_for_harm_all_the_same(ask: Ask) -> None:
    text, _ = ask(
        GuardedQueryEngine(engine(ScriptedLLM(f"## Cheap grenade\n\n{GOOD}")), guard(screen=FakeScreen())), "How?"
    )
    assert text == WITHHELD


@pytest.mark.parametrize("streaming", [False, True])
def test_a_notice_is_never_part_of_a_block_of_code(ask: Ask, streaming: bool) -> None:
    notice = "[The answer ends here: the next sentence is not supported by the sources.]"
    for text, lead in (
        (f"{GOOD}\n\n```python\nbus = red\n\nmoon = bus\n```", "\n```\n\n"),
        (f"{GOOD}\n\n```python\nbus = red\n```\n\n{BAD}", "\n\n"),
    ):
        stock = engine(ScriptedLLM(text), streaming=streaming)
        found, _ = ask(GuardedQueryEngine(stock, guard()), "How is the bus?")
        assert found == f"{text[: text.index('moon') if 'moon =' in text else text.index(BAD)].rstrip()}{lead}{notice}"


def test_what_the_guard_costs_is_told() -> None:
    with recording() as seen:
        GuardedQueryEngine(engine(ScriptedLLM(GOOD)), guard(judge=FakeJudge(delay_s=0.05))).query("?")
    assert 0.05 <= of(GuardOutcomeEvent, seen)[0].seconds < 1


# No verdict: the judge or the screen has none, fails, or does not answer in a usable way.


class Odd(FakeJudge):
    """Breaks the contract in the way it is told."""

    def __init__(self, found: Any) -> None:
        super().__init__()
        self.found = found

    def judge(self, claims: Any, evidence: Any) -> Any:
        return self.found


UNKNOWN = {
    "no verdict": FakeJudge(silent=["leaves"]),
    "an error": FakeJudge(error="out of memory"),
    "too slow": FakeJudge(delay_s=0.3),
    "too many": Odd([Verdict(0.9), Verdict(0.9), Verdict(0.9)]),
    "none": Odd(None),
    "a number": Odd([0.9, 0.9]),
    "not a probability": Odd([Verdict(1.7), Verdict(float("nan"))]),
}
REASONS = {
    "no verdict": "nothing is known",
    "an error": "the judge fake failed: RuntimeError: out of memory",
    "too slow": "the judge fake gave nothing within 0.1 s",
    "too many": "the judge fake gave 3 results for 2",
    "none": "the judge fake failed: TypeError",
    "a number": "the judge fake failed: AttributeError",
    "not a probability": "it gave nan",
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_a_judge_without_a_verdict_never_blocks(ask: Ask, case: str) -> None:
    settings = guard(judge=UNKNOWN[case], deadline_s=0.1 if case == "too slow" else None)
    with recording() as seen:
        text, _ = ask(GuardedQueryEngine(engine(ScriptedLLM(f"{GOOD} {ALSO}")), settings), "How is the bus?")
    assert text == f"{GOOD} {ALSO}"
    last = of(GuardSentenceEvent, seen)[-1]
    assert (last.decision, last.action, last.supported) == ("unknown", "released", None)
    assert last.reason.startswith(REASONS[case])


@pytest.mark.parametrize("case", UNKNOWN)
@pytest.mark.parametrize("mode", ["cut", "mark", "regenerate"])
def test_or_it_cuts_where_that_was_asked_for(ask: Ask, case: str, mode: str) -> None:
    settings = guard(judge=UNKNOWN[case], on_unknown="cut", mode=mode, deadline_s=0.1 if case == "too slow" else None)
    text, _ = ask(GuardedQueryEngine(engine(ScriptedLLM(f"{GOOD} {ALSO}")), settings), "How is the bus?")
    assert text == (f"{GOOD} {UNCHECKED}" if case == "no verdict" else UNCHECKED)


class Disputed(FakeJudge):
    """Two judges, of which one denies what the other supports."""

    def _one(self, claim: str) -> Verdict:
        return Verdict(None, "disputed: a says 0.90, b says 0.10; a date") if "leaves" in claim else Verdict(0.9)


def test_two_judges_that_disagree_are_told_apart_from_judges_without_a_verdict(ask: Ask) -> None:
    for on_unknown, ending in (("pass", "complete"), ("cut", "cut")):
        with recording() as seen:
            settings = guard(judge=Disputed(), on_unknown=on_unknown)
            text, _ = ask(GuardedQueryEngine(engine(ScriptedLLM(f"{GOOD} {ALSO}")), settings), "How is the bus?")
        assert of(GuardSentenceEvent, seen)[-1].decision == "disputed"
        assert of(GuardOutcomeEvent, seen)[0].ending == ending
        assert (ALSO in text) == (on_unknown == "pass")


class Missing(FakeJudge):
    def judge(self, claims: Any, evidence: Any) -> Any:
        raise MissingExtra("judging", extra="local")


def test_a_judge_that_is_not_installed_is_no_verdict_on_a_sentence_but_an_error(ask: Ask) -> None:
    with pytest.raises(MissingExtra, match=r"tamis\[local\]"):
        ask(GuardedQueryEngine(engine(ScriptedLLM(GOOD)), guard(judge=Missing())), "How is the bus?")


def test_without_a_judge_nothing_is_checked_for_support(ask: Ask) -> None:
    with recording() as seen:
        assert ask(GuardedQueryEngine(engine(ScriptedLLM(BAD)), guard(judge=None)), "How is the bus?")[0] == BAD
    assert of(GuardSentenceEvent, seen)[0].decision == "unchecked"


# Harm.


@pytest.mark.parametrize("streaming", [False, True])
def test_a_harmful_query_is_refused_before_anything_is_asked(ask: Ask, streaming: bool) -> None:
    llm = ScriptedLLM(GOOD)
    stock = engine(llm, streaming=streaming)
    with recording() as seen:
        guarded = GuardedQueryEngine(stock, guard(screen=FakeScreen(), refusal="No."))
        assert ask(guarded, "Where do I get a grenade?") == ("No.", [])
    assert llm.seen.prompts == []
    assert retriever_of(stock).queries == []
    [query] = of(GuardQueryEvent, seen)
    assert (query.refused, query.decision, query.harmful, query.category) == (True, "harmful", 0.9, "weapons")
    assert [one.ending for one in of(GuardOutcomeEvent, seen)] == ["refused"]


def test_a_harmless_query_is_screened_once_and_answered(ask: Ask) -> None:
    screen = FakeScreen()
    with recording() as seen:
        assert ask(GuardedQueryEngine(engine(ScriptedLLM(GOOD)), guard(screen=screen)), "How is it?")[0] == GOOD
    assert [[one.text for one in call] for call in screen.calls] == [
        ["How is it?"],
        [one.node.get_content() for one in nodes()],
        [GOOD],
    ]
    assert [one.refused for one in of(GuardQueryEvent, seen)] == [False]


def test_a_harmful_passage_does_not_reach_the_model_nor_the_judge(ask: Ask) -> None:
    llm, judge = ScriptedLLM(f"{GOOD} {BAD}", "NONE"), FakeJudge()
    stock = engine(llm, passages=nodes("The bus is red.", "A grenade is cheap.", "It leaves at nine."))
    with recording() as seen:
        settings = guard(judge=judge, screen=FakeScreen(), mode="regenerate")
        text, sources = ask(GuardedQueryEngine(stock, settings), "How is the bus?")
    assert (text, sources) == (GOOD, ["n0", "n2"])
    assert all("grenade" not in prompt and "leaves at nine" in prompt for prompt in llm.seen.prompts)
    assert all("grenade" not in one.text for one in judge.evidence[0])
    [passage] = of(GuardPassageEvent, seen)
    told = (GuardQueryEvent, GuardPassageEvent, GuardSentenceEvent, GuardOutcomeEvent)
    assert len({event.answer for event in seen.events if isinstance(event, told)}) == 1
    assert (passage.node_id, passage.dropped, passage.decision, passage.harmful) == ("n1", True, "harmful", 0.9)
    assert len(retriever_of(stock).nodes) == 3


def test_where_every_passage_is_harmful_the_engine_has_nothing_to_say(ask: Ask) -> None:
    stock = engine(ScriptedLLM(), passages=nodes("grenade one", "grenade two"))
    assert ask(GuardedQueryEngine(stock, guard(screen=FakeScreen())), "How?") == ("Empty Response", [])


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("mode", "text"),
    [
        ("cut", f"{GOOD} {WITHHELD}"),
        ("mark", f"{GOOD} [a sentence was withheld as harmful] {ALSO}"),
        ("regenerate", f"{GOOD} {ALSO}"),
    ],
)
def test_a_harmful_sentence_is_never_released(ask: Ask, streaming: bool, mode: str, text: str) -> None:
    llm, judge = ScriptedLLM(f"{GOOD} {HARMFUL} {ALSO}", ALSO), FakeJudge()
    with recording() as seen:
        settings = guard(judge=judge, screen=FakeScreen(), mode=mode)
        assert ask(GuardedQueryEngine(engine(llm, streaming=streaming), settings), "How is the bus?")[0] == text
    told = [one for one in of(GuardSentenceEvent, seen) if one.decision == "harmful"]
    assert [(one.text, one.harmful, one.category, one.supported) for one in told] == [("", 0.9, "weapons", None)]
    assert all(HARMFUL not in call for call in judge.calls)
    assert all("grenade" not in prompt for prompt in llm.seen.prompts)
    assert "grenade" not in repr([one.model_dump() for one in seen.events if type(one).__module__.startswith("tamis")])


@pytest.mark.parametrize("screen", [FakeScreen(silent=["bus", "cat", "fast"]), FakeScreen(error="no memory")])
def test_a_screen_without_a_result_passes_or_cuts_as_asked_for(ask: Ask, screen: FakeScreen) -> None:
    with recording() as seen:
        passing = GuardedQueryEngine(engine(ScriptedLLM(GOOD)), guard(screen=screen))
        assert ask(passing, "How is the bus?") == (GOOD, ["n0", "n1", "n2"])
    assert [one.decision for one in of(GuardSentenceEvent, seen)] == ["unknown"]
    assert of(GuardSentenceEvent, seen)[0].reason.startswith("not screened: ")
    assert [(one.dropped, one.decision) for one in of(GuardPassageEvent, seen)] == [(False, "unknown")] * 3
    cutting = GuardedQueryEngine(engine(ScriptedLLM(GOOD)), guard(screen=screen, on_unknown="cut"))
    assert ask(cutting, "How is the bus?")[0].startswith("This question is not answered")


def test_the_querys_and_the_passages_images_are_screened_too() -> None:
    screen = FakeScreen()
    pictured = NodeWithScore(node=ImageNode(text="A bus.", image_path="bus.png"), score=1.0)
    guarded = GuardedQueryEngine(engine(ScriptedLLM(GOOD), passages=[pictured]), guard(screen=screen))
    guarded.query(QueryBundle("What is it?", image_path="query.png"))
    query, passages, _ = screen.calls
    assert [image.path for image in query[0].images] == ["query.png"]
    assert [image.path for image in passages[0].images] == ["bus.png"]


def test_passages_are_screened_as_a_stage_of_any_pipeline() -> None:
    given = nodes("The bus is red.", "A grenade is cheap.", "unreadable")
    stage = PassageScreen(FakeScreen(silent=["unreadable"]))
    with recording() as seen:
        kept = stage.postprocess_nodes(given, query_str="How is the bus?")
    assert [one.node.node_id for one in kept] == ["n0", "n2"]
    assert all(any(one is other for other in given) for one in kept)
    assert [(one.node_id, one.dropped) for one in of(GuardPassageEvent, seen)] == [("n1", True), ("n2", False)]
    strict = PassageScreen(FakeScreen(silent=["unreadable"]), on_unknown="cut")
    assert [one.node.node_id for one in strict.postprocess_nodes(given)] == ["n0"]


class Certain(FakeScreen):
    def screen(self, contents: Any) -> Any:
        return [Screened(2.0) for _ in contents]


def test_a_screens_number_that_is_no_probability_is_no_result(ask: Ask) -> None:
    with recording() as seen:
        ask(GuardedQueryEngine(engine(ScriptedLLM(GOOD)), guard(screen=Certain())), "How is the bus?")
    assert of(GuardQueryEvent, seen)[0].reason == "it gave 2.0"


# Structured answers.


class Bus(BaseModel):
    colour: str


class Structured(CustomQueryEngine):
    def custom_query(self, query_str: str) -> Any:
        return PydanticResponse(Bus(colour="red"), source_nodes=nodes())


def test_a_structured_answer_is_not_judged_and_that_is_told(ask: Ask) -> None:
    with recording() as seen:
        response = GuardedQueryEngine(Structured(), guard(), llm=MockLLM()).query("How is the bus?")
    assert isinstance(response, PydanticResponse)
    assert response.response == Bus(colour="red")
    assert of(GuardOutcomeEvent, seen)[0].counts == {"unknown": 1}
    cut = GuardedQueryEngine(Structured(), guard(on_unknown="cut")).query("How is the bus?")
    assert isinstance(cut, Response)
    assert (str(cut), len(cut.source_nodes)) == (UNCHECKED, 3)
