"""Holding back: told from answering, and right only where nothing can be answered."""

from collections.abc import Callable

import pytest

from tamis.eval.metrics import Metric, Observed
from tamis.eval.metrics.abstention import Abstained, AbstentionCorrect, Answered, PartlyRefused, Refused
from tamis.eval.outcome import Scored, Unscored

REFUSAL = "I'm sorry, I don't know."
BOTH = "I don't know the day. It was in June 1990."


@pytest.mark.parametrize(
    ("answer", "answered", "refused", "partly", "abstained"),
    [
        ("Paris", 1, 0, 0, 0),
        (REFUSAL, 0, 1, 0, 1),
        (BOTH, 1, 0, 1, 0),
        ("", 0, None, None, 1),
        (None, None, None, None, None),
    ],
)
def test_each_answer_is_one_of_them(
    observe: Callable[..., Observed],
    answer: str | None,
    answered: int | None,
    refused: int | None,
    partly: int | None,
    abstained: int | None,
) -> None:
    seen = observe(answer=answer)
    metrics: dict[Metric, int | None] = {
        Answered(): answered,
        Refused(): refused,
        PartlyRefused(): partly,
        Abstained(): abstained,
    }
    for metric, expected in metrics.items():
        found = metric.score(seen)[metric.name]
        assert isinstance(found, Unscored) if expected is None else found == Scored(expected), metric.name


@pytest.mark.parametrize(
    ("answerable", "answer", "expected"),
    [(True, "Paris", 1), (True, REFUSAL, 0), (True, "", 0), (False, "Paris", 0), (False, REFUSAL, 1), (False, BOTH, 0)],
)
def test_abstention_against_answerability(
    observe: Callable[..., Observed], answerable: bool, answer: str | None, expected: float
) -> None:
    seen = observe(answer=answer, answerable=answerable)
    assert AbstentionCorrect().score(seen) == {"abstention_correct": Scored(expected)}


def test_where_answerability_or_the_answer_is_not_known_nothing_is_scored(observe: Callable[..., Observed]) -> None:
    for seen in (observe(answer="Paris"), observe(answerable=True)):
        assert isinstance(AbstentionCorrect().score(seen)["abstention_correct"], Unscored)


@pytest.mark.parametrize("answer", ["", REFUSAL])
def test_who_never_answers_is_right_no_more_often_than_there_are_unanswerable_questions(
    observe: Callable[..., Observed], answer: str | None
) -> None:
    cases = [True, True, True, False]
    found = [AbstentionCorrect().score(observe(answer=answer, answerable=one))["abstention_correct"] for one in cases]
    assert found == [Scored(0.0), Scored(0.0), Scored(0.0), Scored(1.0)]
