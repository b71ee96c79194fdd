"""ExpectedF1 against the definition, worked out over every possible set of relevant passages."""

import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.core.errors import BadInput, BadSetting
from tamis.rerankers import POLICIES, ExpectedF1
from tamis.rerankers.select.expected_f1 import expected_f

HARD = st.sampled_from([0.0, 1e-12, 0.5, 0.999999, 1.0])


def by_enumeration(probabilities: list[float], beta: float, counts: tuple[float, ...] = (1.0,)) -> list[float]:
    """Expected F-beta of keeping the first k, for every k, straight from its definition."""
    n = len(probabilities)
    expected = [0.0] * (n + 1)
    total = 0.0
    for outcome in product((False, True), repeat=n):
        weight = 1.0
        for probability, relevant in zip(probabilities, outcome, strict=True):
            weight *= probability if relevant else 1 - probability
        in_all = sum(outcome)
        weight *= counts[min(in_all, len(counts) - 1)]
        total += weight
        for k in range(n + 1):
            if k == 0:
                f = 1.0 if in_all == 0 else 0.0
            else:
                f = (1 + beta**2) * sum(outcome[:k]) / (k + beta**2 * in_all)
            expected[k] += weight * f
    return [one / total for one in expected]


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


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0.01, 0.99), min_size=1, max_size=8),
    st.sampled_from([0.5, 1.0, 2.0]),
    st.sampled_from([(0.5,), (0.2, 1.0, 0.1), (1.0, 0.0, 3.0), (0.0, 1.0)]),
)
def test_expectation_equals_enumeration_under_weighted_counts(
    values: list[float], beta: float, counts: tuple[float, ...]
) -> None:
    ranked = sorted(values, reverse=True)
    possible = any(counts[min(m, len(counts) - 1)] > 0 for m in range(len(ranked) + 1))
    assert possible
    assert expected_f(np.array(ranked), beta, counts) == pytest.approx(by_enumeration(ranked, beta, counts), abs=1e-9)


def test_fitted_where_one_passage_answers_it_keeps_one_of_two_that_look_alike() -> None:
    random = np.random.default_rng(4)
    queries = []
    for _ in range(300):
        scores = np.sort(random.uniform(0.4, 0.8, 4))[::-1]
        queries.append((scores.tolist(), (np.arange(4) == random.integers(0, 2)).tolist()))
    fitted = ExpectedF1().fit(queries)
    ranked = [0.8, 0.75, 0.5, 0.45]
    assert ExpectedF1().keep(ranked) > fitted.keep(ranked) >= 1


def test_fitted_on_queries_that_nothing_answers_it_abstains_sooner() -> None:
    queries = [([0.7, 0.3], [False, False])] * 80 + [([0.7, 0.3], [True, False])] * 20
    assert ExpectedF1().keep([0.7, 0.3]) == 1
    assert ExpectedF1().fit(queries).keep([0.7, 0.3]) == 0


def test_fitted_it_is_saved_loaded_and_written_down(tmp_path: Path) -> None:
    fitted = ExpectedF1(beta=2).fit([([0.9, 0.2], [True, False]), ([0.4], [False])])
    fitted.save(tmp_path / "policy.json")
    assert ExpectedF1.load(tmp_path / "policy.json") == fitted
    assert POLICIES.build(POLICIES.spec(fitted)) == fitted


@pytest.mark.parametrize("content", ['{"format": "tamis-expected-f1", "version": 1, "beta": -1}', "{}", "nothing"])
def test_loading_what_is_no_policy_names_the_file(tmp_path: Path, content: str) -> None:
    (tmp_path / "other.json").write_text(content)
    with pytest.raises(BadInput, match=r"other\.json"):
        ExpectedF1.load(tmp_path / "other.json")


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        ([], "no queries"),
        ([([0.5], [True, False])], "query 1 has 1 probabilities and 2 labels"),
        ([([1.5], [True])], r"query 1 has a score outside \[0, 1\]"),
    ],
)
def test_queries_that_cannot_be_fitted_are_refused(queries: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        ExpectedF1().fit(queries)


@pytest.mark.parametrize(
    "settings_", [{"counts": ()}, {"counts": (1.0, 0.0)}, {"counts": (-1.0, 1.0)}, {"sharpness": 0.0}]
)
def test_counts_and_sharpness_outside_their_range_are_refused(settings_: dict[str, Any]) -> None:
    (name,) = settings_
    with pytest.raises(BadSetting, match=f"{name} is"):
        ExpectedF1(**settings_)


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
