"""Threshold.fit: where the curves of relevant and irrelevant scores cross."""

import math

import numpy as np
import pytest

from tamis.core.errors import BadInput
from tamis.rerankers import Threshold


def gaussians(good: float, bad: float, deviation: float = 0.1, n: int = 4000) -> tuple[list[float], list[bool]]:
    random = np.random.default_rng(5)
    scores = np.concatenate([random.normal(good, deviation, n), random.normal(bad, deviation, n)])
    return scores.tolist(), [True] * n + [False] * n


def test_equal_gaussians_cross_half_way() -> None:
    assert Threshold.fit(*gaussians(0.8, 0.4)).eta == pytest.approx(0.6, abs=0.01)


def test_overlapping_gaussians_of_unequal_width_cross_where_their_densities_do() -> None:
    random = np.random.default_rng(6)
    good, bad = random.normal(2.0, 0.5, 6000), random.normal(0.0, 1.0, 6000)
    # Between the means, N(2, 0.5) and N(0, 1) have equal density where 2 (x - 2)^2 - x^2 / 2 = ln 2.
    crossing = (8 - math.sqrt(64 - 6 * (8 - math.log(2)))) / 3
    fitted = Threshold.fit([*good, *bad], [True] * 6000 + [False] * 6000)
    assert fitted.eta == pytest.approx(crossing, abs=0.05)


def test_logits_are_as_good_as_probabilities() -> None:
    scores, labels = gaussians(0.8, 0.4)
    fitted = Threshold.fit([10 * score - 20 for score in scores], labels)
    assert fitted.eta == pytest.approx(-14, abs=0.1)


def test_scores_without_spread_are_cut_between_the_two() -> None:
    eta = Threshold.fit([1.0, 1.0, 1.0, 0.0, 0.0], [True, True, True, False, False]).eta
    assert 0 < eta <= 1


def test_scores_that_are_all_the_same_give_that_score() -> None:
    assert Threshold.fit([0.5] * 6, [True] * 3 + [False] * 3).eta == 0.5


def test_swapped_labels_are_refused() -> None:
    scores, labels = gaussians(0.8, 0.4)
    with pytest.raises(BadInput, match="are the labels swapped"):
        Threshold.fit(scores, [not label for label in labels])


@pytest.mark.parametrize("labels", [[True] * 4, [False] * 4, [True, False, False, False]])
def test_a_class_that_is_missing_or_too_small_is_refused(labels: list[bool]) -> None:
    with pytest.raises(BadInput, match="at least 2 of each"):
        Threshold.fit([0.1, 0.2, 0.3, 0.4], labels)


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(BadInput, match="3 scores for 2 labels"):
        Threshold.fit([0.1, 0.2, 0.3], [True, False])


def test_scores_that_are_not_finite_are_refused() -> None:
    with pytest.raises(BadInput, match="nan"):
        Threshold.fit([0.1, math.nan, 0.3, 0.4], [False, False, True, True])
