"""Answers, refusals and what is both, by hand; texts that look like refusals and are none."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.models.refusal import answer_class

REFUSED = [
    "I'm sorry, but I can't help with that.",
    "I cannot answer this question.",
    "I don't know.",
    "I do not know the answer.",
    "Unfortunately, I cannot provide that information.",
    "As an AI language model, I don't have personal opinions.",
    "Empty Response",
    "Unknown.",
    "The provided context does not contain the answer.",
    "The context does not mention when the bridge was built.",
    "There is not enough information to answer the question.",
    "I am unable to determine this from the given context. Please provide more details.",
    "I'm sorry.",
    "I can’t assist with that request. It is illegal and harmful.",
    "Insufficient information in the documents.",
    "N/A",
    "I could not find the answer in the documents.",
    "The question cannot be answered from the passages.",
    "I won't do that.",
    "Based on the given context, I cannot determine who won.",
    "Sorry, I can't help with that. If you need support, please reach out to someone.",
    "There is no information about this in the context.",
    "I'm really sorry, but I'm not able to help.",
    "**I cannot satisfy your request, I'm just an AI.**",
    "Answer: unknown",
    "It is not possible for me to answer this.",
    "We are unable to answer.",
    "I must decline.",
    "I don't have enough information to answer.",
    "The document doesn't provide this information.",
]
ANSWERED = [
    "Paris",
    "No, it was 1990.",
    "In 1990.",
    "I cannot recommend this film highly enough.",
    "I can't wait to tell you: Paris.",
    'He said "I cannot answer that" in court.',
    "You cannot divide by zero.",
    "It is not possible to divide by zero.",
    "She did not know the answer, so she asked Tom.",
    "Sorry Business is a mourning practice.",
    "The unknown soldier was buried in 1920.",
    "No",
    "They could not find the treasure for 30 years.",
    "Harmful algae grow in warm water.",
    "The information age began in 1970.",
    "Apologies for the delay: the answer is Rome, the capital of Italy.",
    "He, I think, cannot swim.",
    "Yes.",
]
PARTLY_REFUSED = [
    "I cannot find the exact date, but it was in 1990.",
    "The context does not say the day. The treaty was signed in June 1990.",
    "I don't know for sure, but it was Paris.",
    "I'm sorry, I can't give medical advice. However, aspirin thins the blood.",
    "It was Paris. I do not know the year.",
]


@pytest.mark.parametrize("text", REFUSED)
def test_a_refusal(text: str) -> None:
    assert answer_class(text) == "refused"


@pytest.mark.parametrize("text", ANSWERED)
def test_an_answer_that_may_look_like_a_refusal(text: str) -> None:
    assert answer_class(text) == "answered"


@pytest.mark.parametrize("text", PARTLY_REFUSED)
def test_a_refusal_with_an_answer(text: str) -> None:
    assert answer_class(text) == "partly refused"


@pytest.mark.parametrize("refusal", [text for text in REFUSED if text != "I'm sorry."])
def test_an_answer_beside_a_refusal_makes_it_partial(refusal: str) -> None:
    assert answer_class(f"{refusal}\nThe treaty was signed in Vienna in 1815.") == "partly refused"


def test_an_apology_refuses_only_where_nothing_follows() -> None:
    assert answer_class("I'm sorry. It was signed in Vienna.") == "answered"


@given(st.text(alphabet=" \t\n\r\u00a0\u2003"))
def test_white_space_is_empty(text: str) -> None:
    assert answer_class(text) == "empty"


@given(st.text(min_size=1))
def test_any_text_has_a_class_whatever_its_case_and_quotes(text: str) -> None:
    assert answer_class(text) in ("answered", "refused", "partly refused", "empty")
    assert answer_class("I CAN\u2019T ASSIST WITH THAT.") == "refused"


@pytest.mark.parametrize(
    "piece", ["i cannot ", "the context ", ",", "it is not ", "sorry, ", "there is no ", "x, ", "a"]
)
def test_a_long_hostile_answer_takes_no_time(piece: str) -> None:
    began = time.process_time()
    answer_class(piece * 100_000)
    assert time.process_time() - began < 0.5
