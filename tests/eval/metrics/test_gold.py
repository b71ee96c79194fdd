"""Recall and precision by ids."""

from collections.abc import Callable

from tamis.eval.metrics import Observed
from tamis.eval.metrics.gold import ContextPrecision, GoldRecall
from tamis.eval.outcome import Scored, Unscored


def test_by_hand(observe: Callable[..., Observed]) -> None:
    seen = observe(["a", "x", "b", "y"], ["a", "a", "x"], relevance={"a": 1, "b": 2, "c": 1, "x": 0})
    recall, precision = GoldRecall().score(seen), ContextPrecision().score(seen)
    assert recall["gold_recall [step 0]"] == Scored(2 / 3)
    assert recall["gold_recall [context]"] == Scored(1 / 3)
    assert precision["context_precision [step 0]"] == Scored(2 / 4)
    assert precision["context_precision [context]"] == Scored(1 / 2)


def test_an_empty_step_recalls_nothing_and_has_no_precision(observe: Callable[..., Observed]) -> None:
    seen = observe([], relevance={"a": 1})
    assert GoldRecall().score(seen)["gold_recall [context]"] == Scored(0.0)
    assert isinstance(ContextPrecision().score(seen)["context_precision [context]"], Unscored)


def test_without_gold_nothing_is_scored(observe: Callable[..., Observed]) -> None:
    for seen in (observe(["a"]), observe(["a"], relevance={"a": 0})):
        assert isinstance(GoldRecall().score(seen)["gold_recall [context]"], Unscored)
        assert isinstance(ContextPrecision().score(seen)["context_precision [context]"], Unscored)
