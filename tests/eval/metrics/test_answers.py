"""Answers against accepted ones: by hand, word by word, and nothing for silence."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.eval.metrics import Metric, Observed
from tamis.eval.metrics.answers import AnswerContained, AnswerExactMatch, AnswerF1, token_f1
from tamis.eval.outcome import Scored, Unscored

WORDS = st.lists(st.sampled_from(["red", "bus", "in", "Paris", "1990", "the"]), max_size=6).map(" ".join)


@pytest.mark.parametrize(
    ("answer", "accepted", "exact", "f1", "contained"),
    [
        ("The Eiffel Tower!", ("eiffel tower",), 1, 1.0, 1),
        ("It is the Eiffel Tower.", ("Eiffel Tower", "La Tour Eiffel"), 0, 2 * 2 / (4 + 2), 1),
        ("in 1990", ("9",), 0, 0.0, 0),
        ("red red bus", ("red bus bus",), 0, 2 * 2 / 6, 0),
        ("A", ("a",), 1, 1.0, 1),
        ("Lyon", ("Paris",), 0, 0.0, 0),
        ("yesterday", ("yes",), 0, 0.0, 0),
    ],
)
def test_by_hand(
    observe: Callable[..., Observed],
    answer: str | None,
    accepted: tuple[str, ...],
    exact: float,
    f1: float,
    contained: float,
) -> None:
    seen = observe(answer=answer, answers=accepted)
    assert AnswerExactMatch().score(seen) == {"answer_exact_match": Scored(exact)}
    assert AnswerF1().score(seen)["answer_f1"].to_json() == {"scored": pytest.approx(f1)}
    assert AnswerContained().score(seen) == {"answer_contained": Scored(contained)}


@given(WORDS, WORDS)
def test_f1_is_symmetric_and_one_for_the_same_words_in_any_order(one: str, other: str) -> None:
    assert token_f1(one, other) == token_f1(other, one)
    assert 0 <= token_f1(one, other) <= 1
    assert token_f1(one, " ".join(reversed(one.split()))) == (1.0 if one else 0.0)


@pytest.mark.parametrize("metric", [AnswerExactMatch(), AnswerF1(), AnswerContained()], ids=lambda metric: metric.name)
@pytest.mark.parametrize("answer", [None, "", " \n", "I cannot answer this question.", "Empty Response"])
def test_silence_and_refusals_are_not_scored(
    observe: Callable[..., Observed], metric: Metric, answer: str | None
) -> None:
    assert isinstance(metric.score(observe(answer=answer, answers=("Paris",)))[metric.name], Unscored)


@pytest.mark.parametrize("metric", [AnswerExactMatch(), AnswerF1(), AnswerContained()], ids=lambda metric: metric.name)
def test_without_an_accepted_answer_nothing_is_scored(observe: Callable[..., Observed], metric: Metric) -> None:
    for accepted in ((), ("",), ("?!",)):
        assert isinstance(metric.score(observe(answer="Paris", answers=accepted))[metric.name], Unscored)


def test_a_refusal_that_is_the_accepted_answer_is_an_answer(observe: Callable[..., Observed]) -> None:
    seen = observe(answer="Insufficient information.", answers=("insufficient information",))
    assert AnswerExactMatch().score(seen) == {"answer_exact_match": Scored(1.0)}
