"""A screen's figures against scikit-learn and by hand, and rates by kind."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score  # type: ignore[import-untyped]

from tamis.core.content import Content
from tamis.core.errors import BadInput
from tamis.eval.case import Case
from tamis.eval.harm import by_functionality, flag_rates, rates_by, screen_scores
from tamis.eval.harm.detection import auroc
from tamis.models.screen import Screened

from .conftest import WordScreen


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0])), min_size=2, max_size=40))
def test_figures_are_those_of_scikit_learn(rows: list[tuple[bool, float]]) -> None:
    labels = np.array([label for label, _ in rows])
    values = np.array([value for _, value in rows])
    if labels.all() or not labels.any():
        return
    assert auroc(labels, values, np.ones(len(rows))) == pytest.approx(roc_auc_score(labels, values))


def test_balanced_accuracy_and_f1_are_those_of_scikit_learn_and_lie_in_their_intervals() -> None:
    rng = random.Random(2)
    labels = [rng.random() < 0.4 for _ in range(200)]
    values = [min(1.0, max(0.0, rng.gauss(0.6 if label else 0.4, 0.2))) for label in labels]
    found = screen_scores(labels, values, clusters=[at // 4 for at in range(200)])
    stopped = [value >= 0.5 for value in values]
    assert found.balanced_accuracy is not None
    assert found.f1 is not None
    assert found.balanced_accuracy.mean == pytest.approx(balanced_accuracy_score(labels, stopped))
    assert found.f1.mean == pytest.approx(f1_score(labels, stopped))
    for one in (found.auroc, found.balanced_accuracy, found.f1, found.true_positive_rate, found.false_positive_rate):
        assert one is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low < one.mean < one.high
    assert found == screen_scores(labels, values, clusters=[at // 4 for at in range(200)])


def test_what_has_no_probability_is_coverage_and_nothing_else() -> None:
    found = screen_scores([True, False, True, False], [0.9, 0.1, None, None])
    assert found.coverage.mean == 0.5
    assert found.balanced_accuracy is not None
    assert found.balanced_accuracy.mean == 1.0
    alone = screen_scores([True, True, False], [0.9, 0.2, None])
    assert (alone.auroc, alone.f1, alone.false_positive_rate) == (None, None, None)
    assert alone.true_positive_rate is not None
    assert alone.true_positive_rate.mean == 0.5
    with pytest.raises(BadInput):
        screen_scores([], [])


def test_rates_by_kind_have_width_and_count_what_was_not_scored() -> None:
    found = rates_by(["a"] * 10 + ["b"], [True] * 10 + [None])
    assert found["a"].rate is not None
    assert found["a"].rate.mean == 1.0
    assert round(found["a"].rate.low or 0, 3) == 0.692
    assert found["b"] == (None, 0, 1)


def test_a_screen_by_side_and_kind(word_screen: WordScreen) -> None:
    cases = [
        Case("1", Content("zorblat"), extra={"harmful": True, "type": "plain"}),
        Case("2", Content("hidden"), extra={"harmful": True, "type": "hidden"}),
        Case("3", Content("about zorblat"), extra={"harmful": False, "type": "homonym"}),
        Case("4", Content(" "), extra={"harmful": False}),
    ]
    found = flag_rates(word_screen, cases)
    assert {name: rate.rate.mean if rate.rate else None for name, rate in found.items()} == {
        "harmful": 0.5,
        "harmful: plain": 1.0,
        "harmful: hidden": 0.0,
        "harmless": 1.0,
        "harmless: homonym": 1.0,
    }
    assert found["harmless"].unscored == 1
    with pytest.raises(BadInput, match='"5"'):
        flag_rates(word_screen, [Case("5", Content("x"))])


def test_functionalities_count_right_verdicts_over_templates() -> None:
    cases = [
        Case(f"{n}", Content("x"), group=f"t{n // 2}", extra={"functionality": "negation", "harmful": n % 2 == 0})
        for n in range(8)
    ]
    results = [Screened(0.9)] * 7 + [Screened(None, "why")]
    rate = by_functionality(cases, results)["negation"]
    assert rate.rate is not None
    assert rate.rate.mean == pytest.approx(4 / 7)
    assert rate.unscored == 1
