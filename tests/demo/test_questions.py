"""The questions fit the corpus of the Python that runs them."""

import re
from collections import Counter

import pytest

from tamis.demo.corpus import Passage, passages
from tamis.demo.questions import Question, questions


@pytest.fixture(scope="module")
def corpus() -> list[Passage]:
    return passages()


@pytest.fixture(scope="module")
def asked(corpus: list[Passage]) -> list[Question]:
    return questions({passage.id for passage in corpus}).asked


def test_every_id_exists_on_the_running_version(corpus: list[Passage]) -> None:
    found = questions({passage.id for passage in corpus})
    assert found.left_out == []
    known = {passage.id for passage in corpus}
    assert all(question.gold <= known for question in found.asked)


def test_there_are_enough_of_both_kinds(asked: list[Question]) -> None:
    assert sum(question.answerable for question in asked) >= 100
    assert sum(not question.answerable for question in asked) >= 24


def test_no_question_is_asked_twice(asked: list[Question]) -> None:
    assert max(Counter(question.id for question in asked).values()) == 1
    assert max(Counter(question.text.lower() for question in asked).values()) == 1


def test_the_answers_come_from_many_modules(corpus: list[Passage], asked: list[Question]) -> None:
    module = {passage.id: passage.module for passage in corpus}
    assert len({module[id] for question in asked for id in question.gold}) >= 40


def test_the_right_number_of_passages_varies(asked: list[Question]) -> None:
    sizes = Counter(len(question.gold) for question in asked if question.answerable)
    assert len(sizes) >= 4
    assert sum(count for size, count in sizes.items() if size > 1) >= 40


def test_no_question_copies_its_answer(corpus: list[Passage], asked: list[Question]) -> None:
    text = {passage.id: passage.text.lower() for passage in corpus}
    for question in asked:
        words = re.findall(r"\w+", question.text.lower())
        runs = {" ".join(words[i : i + 7]) for i in range(len(words) - 6)}
        for id in question.gold:
            answer = " ".join(re.findall(r"\w+", text[id]))
            assert not [run for run in runs if run in answer], question.id


def test_a_question_whose_answer_is_missing_is_left_out_and_named() -> None:
    found = questions({"heapq.nlargest"})
    assert "largest-n" in {question.id for question in found.asked}
    assert "insert-sorted" in found.left_out
    assert {question.id for question in found.asked if not question.answerable} >= {"none-yaml"}


def test_passages_that_only_some_versions_have_count_where_they_are(corpus: list[Passage]) -> None:
    known = {passage.id for passage in corpus}
    with_it = questions(known | {"copy.replace"}).asked
    without = questions(known - {"copy.replace"}).asked
    more, less = ({one.id: one.gold for one in some}["dataclass-change"] for some in (with_it, without))
    assert more - less == {"copy.replace"}
