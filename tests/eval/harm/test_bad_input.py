"""What data and targets hold that nobody wished for: every metric of harm and trust gives an outcome, with a reason."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadInput
from tamis.core.image import Image
from tamis.eval.attacks.attack import Attacked
from tamis.eval.case import Case, Document
from tamis.eval.evaluation import evaluate
from tamis.eval.harm import flag_rates
from tamis.eval.metrics import metric_of
from tamis.eval.metrics.metric import Metric, Observed
from tamis.eval.outcome import Outcome, Scored, Unscored
from tamis.eval.report.trust import trust_of
from tamis.eval.run.journal import records
from tamis.eval.suite import Suite
from tamis.eval.target import Request
from tamis.eval.trace import Passage, Step, Trace
from tamis.eval.variant import CLEAN, Variant
from tamis.models.screens import OcrScreen

from .conftest import WordScreen

SUITES = ("harm", "over-refusal", "typographic", "trust", "conflict", "hallucination")
SCREENED = ("query_flagged", "harmful_answer", "harmful_context")
COUNTS_SILENCE = {"answered", "refused", "partly_refused", "abstained", "abstention_correct"}
# What is read off the question or the passages, whatever is answered.
NOT_OF_THE_ANSWER = {"query_flagged", "harmful_context", "group_exposure_gap", "latency_s", "cost", "joules"}
SCRIPTS = {
    "Chinese": "这条河长十二公里。它流入北海[1]。",
    "Arabic": "طول النهر اثنا عشر كيلومترا [1].",
    "Hindi": "नदी बारह किलोमीटर लंबी है [1]।",
    "Greek": "Ο ποταμός έχει μήκος δώδεκα χιλιόμετρα [1].",
    "emoji": "🌊🌊🌊 [1] 🏞️",
    "marks alone": "\u0301\u200d\u202e[1]…?!",
}
PASSAGE = "The river is twelve kilometres long. It flows into the northern sea, past Sundvik."


def metrics() -> dict[str, Metric]:
    screen = WordScreen()
    named = {name: one for suite in SUITES for name, one in ((one.name, one) for one in Suite.of(suite).metrics)}
    return {**named, **{name: metric_of({"name": name, "screen": screen}) for name in SCREENED}}


METRICS = metrics()


def seen(answer: str | None, variant: Variant = CLEAN, **extra: Any) -> Observed:
    """A case that has what every metric asks for."""
    known = {
        "harmful": True, "options": ("The boy", "The man", "Unknown"), "label": 1, "unknown": 2, "biased": 0,
        "condition": "disambig", "key_facts": ("The river is twelve kilometres long.",), "objects": ["river"],
        "context_answers": ("nine kilometres",), "silent": "A boy and a man stood there.",
    }  # fmt: skip
    document = Document("d", Content(PASSAGE))
    case = Case(
        "c",
        Content("How long is the river?"),
        (document,),
        {"d": 1},
        answers=("twelve kilometres",),
        answerable=True,
        targets=("nine kilometres",),
        extra={**known, **extra},
    )
    trace = Trace((Step("retrieve", (Passage("d", Content(PASSAGE), 0.5, None),)),), None)
    trace = replace(trace, answer=None if answer is None else Content(answer))
    return Observed(case, variant, Attacked(case.query), trace)


def outcomes(metric: Metric, observed: Observed) -> Mapping[str, Outcome]:
    found = metric.score(observed)
    assert found
    for one in found.values():
        assert isinstance(one, Scored | Unscored)
        assert isinstance(one, Scored) or len(one.reason) > 10, "a reason says something"
    return found


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("answer", [None, "", " \n\t", "\u00a0\u2003"])
def test_an_empty_answer_is_no_score(name: str, answer: str | None) -> None:
    found = outcomes(METRICS[name], seen(answer))
    if name not in NOT_OF_THE_ANSWER and (answer is None or name not in COUNTS_SILENCE):
        assert [one for one in found.values() if isinstance(one, Scored)] == []


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("script", SCRIPTS)
def test_an_answer_in_another_script_has_an_outcome(name: str, script: str) -> None:
    outcomes(METRICS[name], seen(SCRIPTS[script]))


def test_an_answer_in_another_script_is_an_answer() -> None:
    for script in ("Chinese", "Arabic", "Hindi", "Greek"):
        observed = seen(SCRIPTS[script])
        assert outcomes(METRICS["answered"], observed) == {"answered": Scored(1.0)}, script
        assert outcomes(METRICS["under_refusal"], observed)["under_refusal"] == Scored(1.0), script
        assert outcomes(METRICS["citations_valid"], observed) == {"citations_valid": Scored(1.0)}, script
        assert outcomes(METRICS["answer_contained"], observed) == {"answer_contained": Scored(0.0)}, script


LONG = " ".join(f"Sentence {n} says that the river is {n} kilometres long [1]." for n in range(5_000))


@pytest.mark.parametrize("name", METRICS)
def test_an_answer_of_fifty_thousand_words_has_an_outcome_in_seconds(name: str) -> None:
    assert len(LONG.split()) >= 50_000
    started = perf_counter()
    outcomes(METRICS[name], seen(LONG))
    assert perf_counter() - started < 60


@pytest.mark.parametrize("label", ["yes", 1, 1.0, None, "harmful", [True]])
def test_whether_a_request_is_harmful_is_true_or_false_and_nothing_else(label: object) -> None:
    for name in ("under_refusal", "over_refusal"):
        found = outcomes(METRICS[name], seen("Sure.", harmful=label))
        assert found == {name: Unscored("it is not known whether the question is harmful")}
    assert set(outcomes(METRICS["query_flagged"], seen("Sure.", harmful=label))) == {"query_flagged"}
    with pytest.raises(BadInput, match='the case "c" does not say whether it is harmful'):
        flag_rates(WordScreen(), [seen("x", harmful=label).case])


@pytest.mark.parametrize(
    "labels",
    [
        {"label": 7},
        {"label": -1},
        {"unknown": 3},
        {"label": True},
        {"label": "1"},
        {"unknown": None},
        {"options": "abc"},
        {"options": ("The boy", None, "Unknown")},
        {"options": ()},
    ],
    ids=str,
)
def test_labels_that_name_no_option_make_no_question_of_bbq(labels: dict[str, Any]) -> None:
    for name in ("bbq_accuracy", "bbq_accuracy_aligned", "bbq_s_dis", "bbq_s_amb"):
        (found,) = outcomes(METRICS[name], seen("The man.", **labels)).values()
        assert isinstance(found, Unscored)
        assert found.reason.startswith("the case is no question with two people")


@pytest.mark.parametrize("biased", [None, 9, "0", True])
def test_a_stereotype_that_names_no_option_is_not_known(biased: object) -> None:
    (found,) = outcomes(METRICS["bbq_s_dis"], seen("The man.", biased=biased)).values()
    assert found == Unscored("it is not known which option follows the stereotype")
    assert outcomes(METRICS["bbq_accuracy"], seen("The man.", biased=biased)) == {"bbq_accuracy": Scored(1.0)}


@pytest.mark.parametrize("facts", ["one text", 3, [3, None, " "], {}])
def test_key_facts_that_are_none(facts: object) -> None:
    for name in ("key_facts_recall", "key_facts_precision"):
        (found,) = outcomes(METRICS[name], seen("The river is long.", key_facts=facts)).values()
        assert found == Unscored("no key facts of the case are known")


def reads_nothing(picture: Any) -> str:
    return ""


@pytest.mark.parametrize(
    "image",
    [Image(data=b"no picture"), Image(data=b"\x89PNG\r\n\x1a\nbroken"), Image(path="/nowhere/at/all.png")],
    ids=["no image", "broken", "not allowed"],
)
def test_images_that_a_screen_cannot_read_are_not_scored(image: Image) -> None:
    screen = OcrScreen(WordScreen(), reads_nothing)
    observed = seen("x")
    observed = replace(
        observed,
        attacked=Attacked(Content(images=(image,))),
        trace=Trace((Step("retrieve", (Passage("d", Content(images=(image,)), None, None),)),), Content("x")),
    )
    for name in ("query_flagged", "harmful_context"):
        (found,) = outcomes(metric_of({"name": name, "screen": screen}), observed).values()
        assert isinstance(found, Unscored)
        assert found.reason.startswith("the screen: "), name


def test_what_a_screen_can_read_is_scored_beside_what_it_cannot() -> None:
    screen = OcrScreen(WordScreen(), reads_nothing)
    passages = (
        Passage("a", Content("zorblat"), None, None),
        Passage("b", Content(images=(Image(data=b"no picture"),)), None, None),
    )
    observed = replace(seen("x"), trace=Trace((Step("retrieve", passages),), Content("x")))
    found = outcomes(metric_of({"name": "harmful_context", "screen": screen}), observed)
    assert found["harmful_context"] == Scored(1.0)


def test_a_run_of_nothing_but_bad_answers_has_a_page_that_says_what_is_missing(tmp_path: Path) -> None:
    """From the command's side: empty, strange and endless answers are rows of the report, none of them a failure."""
    answers = ["", " ", *SCRIPTS.values(), LONG]
    cases = [replace(seen("").case, id=f"c{n}", group=None) for n in range(len(answers))]
    replies = {f"c{n}": answer for n, answer in enumerate(answers)}

    async def answer(request: Request) -> str:
        return replies[request.case]

    suite = replace(Suite.of("trust"), attacks=())
    run = evaluate(answer, cases, suite, out=tmp_path / "run", workers=2)
    assert run.report.counts.failed == 0
    assert run.report.estimate("answered").mean == (len(answers) - 2) / len(answers)
    found = trust_of(run.report, records(run.folder), run.timings)
    standing = {one.name: one for one in found.dimensions}
    assert standing["privacy"].reason.startswith("the suite tries none of extraction")
    assert "privacy" in found.not_measured
