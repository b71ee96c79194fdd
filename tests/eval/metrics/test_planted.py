"""Planted passages: where they rank, by hand, and SafeRAG's accuracy with recalls that are recalls."""

import math
from collections.abc import Callable

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.eval.attacks.attack import Attacked
from tamis.eval.case import Case, Document
from tamis.eval.metrics.metric import Observed
from tamis.eval.metrics.planted import Exposure, PlantedReachedContext, PlantedShare, RetrievalAccuracy, planted_ids
from tamis.eval.outcome import Scored, Unscored
from tamis.eval.trace import Trace
from tamis.eval.variant import Variant


def test_where_they_rank_by_hand(observe: Callable[..., Observed]) -> None:
    seen = observe(["bad1", "a", "bad2", "b"], ["a", "b"], planted=["bad1", "bad2", "bad3"])
    weights = [1, 1 / math.log2(3), 1 / 2, 1 / math.log2(5)]
    exposure = Exposure().score(seen)
    expected = (weights[0] + weights[2]) / sum(weights)
    assert exposure["exposure [step 0]"].to_json() == {"scored": pytest.approx(expected)}
    assert exposure["exposure [context]"] == Scored(0.0)
    share = PlantedShare(2).score(seen)
    assert share == {
        "planted@2 [step 0]": Scored(0.5),
        "planted@2 [step 1]": Scored(0.0),
        "planted@2 [context]": Scored(0.0),
    }
    assert PlantedShare(10).score(seen)["planted@10 [step 0]"] == Scored(0.2)
    assert PlantedReachedContext().score(seen) == {"planted_reached_context": Scored(0.0)}


def test_they_are_known_by_their_ids_too(observe: Callable[..., Observed]) -> None:
    """A target that does not carry the mark through its steps is judged all the same."""
    seen = observe(["p", "a"], planted=["p"])
    assert PlantedReachedContext().score(seen) == {"planted_reached_context": Scored(1.0)}
    assert PlantedShare(1).score(seen)["planted@1 [context]"] == Scored(1.0)


def test_changed_documents_of_the_case_count_and_replaced_ones_do_not() -> None:
    query = Content("q")
    old = Document("old", Content("x"), planted="before")
    case = Case(
        "c", query, documents=(Document("a", Content("a")), old, Document("gone", Content("y"), planted="before"))
    )
    attacked = Attacked(
        query,
        changed={
            "a": Document("a", Content("b"), planted="contradiction"),
            "gone": None,
            "old": Document("old", Content("x")),
        },
    )
    assert planted_ids(Observed(case, Variant("contradiction", 1), attacked, Trace())) == {"a"}


def test_where_nothing_is_planted_nothing_is_scored(observe: Callable[..., Observed]) -> None:
    seen = observe(["a"], relevance={"a": 1})
    for metric in (Exposure(), PlantedShare(), PlantedReachedContext(), RetrievalAccuracy()):
        assert set(metric.score(seen).values()) <= {Unscored("nothing is planted")}, metric.name


def test_an_empty_step_exposes_nothing_and_has_no_share_to_give(observe: Callable[..., Observed]) -> None:
    seen = observe(["bad"], [], planted=["bad"])
    assert isinstance(Exposure().score(seen)["exposure [context]"], Unscored)
    assert PlantedShare(5).score(seen)["planted@5 [context]"] == Scored(0.0)
    assert PlantedReachedContext().score(seen) == {"planted_reached_context": Scored(0.0)}


def test_retrieval_accuracy_divides_by_what_there_is_to_find(observe: Callable[..., Observed]) -> None:
    """One of two gold and one of four planted, among ten: (1/2 + 1 - 1/4) / 2, whatever fills the list."""
    planted = ["bad1", "bad2", "bad3", "bad4"]
    filler = [f"x{number}" for number in range(8)]
    seen = observe(["a", "bad1", *filler], ["a", "bad1"], relevance={"a": 1, "b": 1}, planted=planted)
    found = RetrievalAccuracy().score(seen)
    assert set(found.values()) == {Scored(0.625)}
    best = observe(["a", "b"], relevance={"a": 1, "b": 1}, planted=planted)
    assert RetrievalAccuracy().score(best)["retrieval_accuracy [context]"] == Scored(1.0)
    worst = observe(planted, relevance={"a": 1}, planted=planted)
    assert RetrievalAccuracy().score(worst)["retrieval_accuracy [context]"] == Scored(0.0)
    without = observe(["a"], planted=planted)
    assert isinstance(RetrievalAccuracy().score(without)["retrieval_accuracy [context]"], Unscored)


def test_k_is_a_whole_number_of_at_least_one() -> None:
    for k in (0, -1, 2.5, True):
        with pytest.raises(BadSetting, match="planted@k"):
            PlantedShare(k)  # type: ignore[arg-type]
