"""ExpectedF1 against the definition, worked out over every possible set of relevant passages."""

import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.rerankers import ExpectedF1
from tamis.rerankers.select.expected_f1 import expected_f

HARD = st.sampled_from([0.0, 1e-12, 0.5, 0.999999, 1.0])


def by_enumeration(probabilities: list[float], beta: float) -> list[float]:
    """Expected F-beta of keeping the first k, for every k, straight from its definition."""
    n = len(probabilities)
    expected = [0.0] * (n + 1)
    for outcome in product((False, True), repeat=n):
        weight = 1.0
        for probability, relevant in zip(probabilities, outcome, strict=True):
            weight *= probability if relevant else 1 - probability
        in_all = sum(outcome)
        for k in range(n + 1):
            if k == 0:
                f = 1.0 if in_all == 0 else 0.0
            else:
                f = (1 + beta**2) * sum(outcome[:k]) / (k + beta**2 * in_all)
            expected[k] += weight * f
    return expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1) | HARD, max_size=8), st.sampled_from([0.5, 0.7, 1.0, 2.0, 3.0]))
def test_expectation_equals_enumeration(values: list[float], beta: float) -> None:
    ranked = sorted(values, reverse=True)
    found = expected_f(np.array(ranked), beta)
    assert found == pytest.approx(by_enumeration(ranked, beta), abs=1e-12)


@pytest.mark.parametrize("n", [9, 10])
@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_choice_is_the_best_of_all_for_ten_candidates(n: int, beta: float) -> None:
    random = np.random.default_rng(n)
    ranked = sorted(random.beta(0.5, 1.0, n).tolist(), reverse=True)
    expected = by_enumeration(ranked, beta)
    assert ExpectedF1(beta).keep(ranked) == int(np.argmax(expected))


def test_hand_worked_case() -> None:
    # Two candidates of 0.8 and 0.4. Keep 0: 0.2 * 0.6. Keep 1: 0.8 * (0.6 * 1 + 0.4 * 2/3).
    # Keep 2: both 0.32 * 1, first alone 0.48 * 2/3, second alone 0.08 * 2/3.
    assert expected_f(np.array([0.8, 0.4]), 1.0).tolist() == pytest.approx(
        [0.12, 0.8 * (0.6 + 0.8 / 3), 0.32 + 1.12 / 3]
    )


def test_certainties_are_kept_and_nothing_else() -> None:
    assert ExpectedF1().keep([1.0] * 7 + [0.0] * 5) == 7


def test_no_candidates_and_no_hope_keep_nothing() -> None:
    assert ExpectedF1().keep([]) == 0
    assert ExpectedF1().keep([0.0, 0.0]) == 0


def test_equal_expectations_keep_the_fewest() -> None:
    assert ExpectedF1().keep([0.5]) == 0


def test_a_higher_beta_never_keeps_fewer_of_a_list() -> None:
    ranked = np.linspace(0.9, 0.05, 40).tolist()
    kept = [ExpectedF1(beta).keep(ranked) for beta in (0.25, 0.5, 1.0, 2.0, 4.0)]
    assert kept == sorted(kept)
    assert kept[0] < kept[-1]


def test_a_thousand_candidates_agree_with_sampling() -> None:
    random = np.random.default_rng(3)
    ranked = np.sort(random.beta(0.3, 3.0, 1000))[::-1]
    found = expected_f(ranked, 1.0)
    assert np.isfinite(found).all()
    outcomes = random.random((4000, 1000)) < ranked
    kept = np.cumsum(outcomes, axis=1) * 2 / (np.arange(1, 1001) + outcomes.sum(axis=1, keepdims=True))
    assert found[1:] == pytest.approx(kept.mean(axis=0), abs=0.01)
    assert ExpectedF1().keep(ranked.tolist()) == int(np.argmax(found))


def test_a_hundred_candidates_take_milliseconds_at_most() -> None:
    ranked = np.linspace(1, 0, 100).tolist()
    ExpectedF1().keep(ranked)
    seconds = []
    for _ in range(20):
        started = time.perf_counter()
        ExpectedF1().keep(ranked)
        seconds.append(time.perf_counter() - started)
    # Some 0.2 ms on one idle core; the bound leaves room for a busy machine.
    assert min(seconds) < 0.002
