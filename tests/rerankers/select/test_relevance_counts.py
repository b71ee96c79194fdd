"""What ExpectedF1 learns from labelled queries: how many passages are relevant, and how sure to be."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.errors import BadInput, BadSetting
from tamis.rerankers import AdaptiveTopK, ExpectedF1
from tamis.rerankers.select.expected_f1 import expected_f
from tamis.rerankers.select.relevance_counts import Query, count_distributions, fit_relevance_counts, sharpened

chances = st.lists(st.floats(0.01, 0.99), min_size=1, max_size=7).map(lambda some: sorted(some, reverse=True))


def by_enumeration(probabilities: list[float], beta: float, counts: tuple[float, ...]) -> list[float]:
    """Expected F-beta for every k, adding up every set of relevant passages."""
    n, total = len(probabilities), 0.0
    expected = [0.0] * (n + 1)
    for flags in itertools.product((0, 1), repeat=n):
        relevant = sum(flags)
        weight = counts[min(relevant, len(counts) - 1)]
        for flag, probability in zip(flags, probabilities, strict=True):
            weight *= probability if flag else 1 - probability
        total += weight
        expected[0] += weight * (relevant == 0)
        for k in range(1, n + 1):
            expected[k] += weight * (1 + beta**2) * sum(flags[:k]) / (k + beta**2 * relevant)
    return [value / total for value in expected]


@given(chances, st.sampled_from([0.5, 1.0, 2.0]), st.lists(st.floats(0.05, 5), min_size=1, max_size=5))
def test_weighted_expectation_equals_enumeration(probabilities: list[float], beta: float, weights: list[float]) -> None:
    counts = tuple(weights)
    assert expected_f(np.array(probabilities), beta, counts) == pytest.approx(
        by_enumeration(probabilities, beta, counts), abs=1e-9
    )


def test_where_just_one_is_ever_relevant_the_policy_never_abstains_and_rarely_keeps_two() -> None:
    assert ExpectedF1().keep([0.3, 0.1, 0.1]) == 0
    assert ExpectedF1(counts=(0.0, 1.0, 0.001)).keep([0.3, 0.1, 0.1]) == 1


@given(st.lists(chances, min_size=1, max_size=4), st.integers(1, 4))
def test_count_distributions_equal_enumeration(queries: list[list[float]], most: int) -> None:
    found = count_distributions([np.array(query) for query in queries], most)
    for row, query in zip(found, queries, strict=True):
        expected = np.zeros(most + 1)
        for flags in itertools.product((0, 1), repeat=len(query)):
            expected[min(sum(flags), most)] += np.prod([p if f else 1 - p for f, p in zip(flags, query, strict=True)])
        assert row == pytest.approx(expected, abs=1e-12)


@given(chances, st.floats(0.2, 5))
def test_sharpening_multiplies_log_odds(probabilities: list[float], sharpness: float) -> None:
    before = np.array(probabilities)
    after = sharpened(before, sharpness)
    assert np.log(after / (1 - after)) == pytest.approx(sharpness * np.log(before / (1 - before)), abs=1e-6)


def drawn(n_queries: int, sharpness: float, seed: int) -> list[Query]:
    """Queries of 8 candidates of which exactly one is relevant, drawn with its odds to the power ``sharpness``."""
    rng = np.random.default_rng(seed)
    queries = []
    for _ in range(n_queries):
        odds = np.exp(rng.normal(-1, 1.5, 8))
        share = odds**sharpness / (odds**sharpness).sum()
        queries.append(Query(odds / (1 + odds), np.arange(8) == rng.choice(8, p=share)))
    return queries


@pytest.mark.parametrize("sharpness", [0.6, 1.0, 2.0])
def test_a_fit_finds_the_count_and_the_sharpness_that_made_the_data(sharpness: float) -> None:
    learnt = fit_relevance_counts(drawn(2_000, sharpness, seed=1))
    assert learnt.sharpness == pytest.approx(sharpness, rel=0.2)
    assert learnt.weights[1] == 1.0
    assert max(learnt.weights[0], learnt.weights[2]) < 0.02


def test_a_fit_on_independent_candidates_changes_little() -> None:
    rng = np.random.default_rng(2)
    queries = [Query(p := rng.uniform(0.05, 0.6, 6), rng.random(6) < p) for _ in range(3_000)]
    learnt = fit_relevance_counts(queries)
    common = np.array(learnt.weights[:4])
    assert common / common.mean() == pytest.approx(np.ones(4), abs=0.15)
    assert learnt.sharpness == pytest.approx(1.0, rel=0.15)


def test_a_fit_pays_on_the_data_it_is_for() -> None:
    def mean_f1(policy: ExpectedF1, queries: list[Query]) -> float:
        total = 0.0
        for query in queries:
            order = np.argsort(-query.probabilities)
            kept = policy.keep(query.probabilities[order].tolist())
            total += 2 * float(query.relevant[order][:kept].sum()) / (kept + 1)
        return total / len(queries)

    tuning, test = drawn(300, 1.0, seed=3), drawn(300, 1.0, seed=4)
    fitted = ExpectedF1().fit([(query.probabilities.tolist(), query.relevant.tolist()) for query in tuning])
    assert mean_f1(fitted, test) > mean_f1(ExpectedF1(), test) + 0.02


def test_a_fitted_policy_is_saved_and_survives_in_a_stage(tmp_path: Path) -> None:
    fitted = ExpectedF1(beta=2, counts=(0.2, 1.0, 0.5), sharpness=1.5)
    fitted.save(tmp_path / "policy.json")
    assert ExpectedF1.load(tmp_path / "policy.json") == fitted
    stage = AdaptiveTopK(fitted)
    assert AdaptiveTopK.from_json(stage.to_json()).policy == fitted


@pytest.mark.parametrize(
    "settings",
    [{"counts": ()}, {"counts": (1.0, 0.0)}, {"counts": (-1.0, 1.0)}, {"sharpness": 0.0}, {"sharpness": float("nan")}],
)
def test_impossible_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(BadSetting):
        ExpectedF1(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("queries", "named"),
    [
        ([], "no queries"),
        ([([0.5], [True, False])], "query 1"),
        ([([0.5], [True]), ([1.5], [True])], "query 2"),
        ([([float("nan")], [True])], "query 1"),
    ],
)
def test_bad_calibration_queries_are_named(queries: list[tuple[list[float], list[bool]]], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        ExpectedF1().fit(queries)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text("{}")
    with pytest.raises(BadInput, match=r"policy\.json"):
        ExpectedF1.load(path)
