"""The demo's numbers, worked out by hand."""

import pytest

from tamis.demo.measures import MEASURES, Answer, context_f1, context_precision, difference, gold_recall, measured
from tamis.demo.questions import Question
from tamis.demo.result import DemoResult, Pipeline, fooled, summarise

TWO = Question("two", "which two?", frozenset({"a", "b"}))
ONE = Question("one", "which one?", frozenset({"c"}))
NONE = Question("none", "which at all?", frozenset())


def answer(question: Question, *returned: str, tokens: int = 10, milliseconds: float = 5.0) -> Answer:
    return Answer(question, returned, tokens, milliseconds)


def test_recall_and_precision_and_f1_by_hand() -> None:
    given = answer(TWO, "a", "x", "y", "z", "w")
    assert gold_recall(given) == 0.5
    assert context_precision(given) == 0.2
    assert context_f1(given) == pytest.approx(2 * 0.5 * 0.2 / 0.7)


def test_returning_nothing_is_right_only_where_nothing_answers() -> None:
    assert context_f1(answer(NONE)) == 1.0
    assert context_f1(answer(NONE, "x")) == 0.0
    assert context_f1(answer(ONE)) == 0.0
    assert context_precision(answer(ONE)) == 0.0


def test_each_measure_is_taken_on_the_questions_it_is_defined_on() -> None:
    given = [answer(TWO, "a", "b"), answer(ONE), answer(NONE), answer(NONE._replace(id="other"), "x")]
    rows = {measure: measured(measure, given, seed=0) for measure in MEASURES}
    assert rows["gold_recall"].mean == 0.5
    assert rows["gold_recall"].n == 2
    assert rows["context_f1"].mean == 0.5
    assert rows["context_f1"].n == 4
    assert rows["abstained_unanswerable"].mean == 0.5
    assert rows["abstained_answerable"].mean == 0.5
    assert rows["tokens_to_llm"].mean == 10.0


def test_the_difference_is_paired_and_points_towards_the_first() -> None:
    mine = [answer(ONE, "c"), answer(TWO, "a", "b"), answer(NONE)]
    stock = [answer(ONE, "x"), answer(TWO, "a", "x"), answer(NONE, "x")]
    assert difference("gold_recall", mine, stock, seed=0).mean == pytest.approx(0.75)
    assert difference("abstained_unanswerable", mine, stock, seed=0).mean == 1.0


def result() -> DemoResult:
    answers: dict[Pipeline, list[Answer]] = {
        "stock": [answer(ONE, "x", "y"), answer(TWO, "a", "b"), answer(NONE, "x")],
        "stock_best": [answer(ONE, "c", "y"), answer(TWO, "a", "x"), answer(NONE, "x")],
        "tamis": [answer(ONE, "c"), answer(TWO, "a"), answer(NONE)],
    }
    return summarise(answers, {"seed": 3}, seed=3)


def test_the_document_has_a_row_a_measure_for_each_pipeline_and_its_difference() -> None:
    document = result().to_dict()
    row = {"mean", "low", "high", "n"}
    for pipeline in ("stock", "stock_best", "tamis"):
        assert all(set(document[pipeline][measure]) == row for measure in MEASURES)
    assert "difference_to_stock" not in document["stock"]
    assert set(document["tamis"]["difference_to_stock"]) == set(MEASURES)
    assert document["tamis"]["difference_to_stock"]["gold_recall"]["mean"] == pytest.approx(0.25)
    assert document["meta"] == {"seed": 3}


def test_wins_ties_and_losses_are_counted_question_by_question() -> None:
    assert result().to_dict()["f1_against_stock"] == {"better": 2, "same": 0, "worse": 1}


def test_the_example_is_a_question_that_stock_missed_and_tamis_did_not() -> None:
    example = result().example
    assert example is not None
    assert example.question == "which one?"
    assert example.stock == ("x", "y")
    assert example.tamis == ("c",)


def test_there_is_no_example_where_stock_missed_nothing() -> None:
    right = [answer(ONE, "c"), answer(NONE)]
    assert fooled(right, right) is None
