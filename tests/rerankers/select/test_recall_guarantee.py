"""RecallGuarantee: the promise by simulation, the threshold by hand, and files that are none."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.core.errors import BadInput, NotFitted
from tamis.rerankers import RecallGuarantee

Query = tuple[list[float], list[bool]]


def simulated(random: np.random.Generator, n: int) -> list[Query]:
    """Queries of ten candidates with one to four relevant ones, which score higher, but not always."""
    queries = []
    for _ in range(n):
        relevant = np.arange(10) < random.integers(1, 5)
        scores = 1 / (1 + np.exp(-random.normal(np.where(relevant, 1.0, -1.0), 1.5)))
        queries.append((scores.tolist(), relevant.tolist()))
    return queries


def share_lost(policy: RecallGuarantee, query: Query) -> float:
    ranked = sorted(zip(*query, strict=True), key=lambda pair: -pair[0])
    k = policy.keep([score for score, _ in ranked])
    return sum(relevant for _, relevant in ranked[k:]) / sum(relevant for _, relevant in ranked)


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("n", [25, 100])
def test_mean_share_of_relevant_passages_lost_is_at_most_alpha(alpha: float, n: int) -> None:
    random = np.random.default_rng([n, int(100 * alpha)])
    losses = []
    for _ in range(400):
        policy = RecallGuarantee(alpha).fit(simulated(random, n))
        losses.append(np.mean([share_lost(policy, query) for query in simulated(random, 25)]))
    # The promise holds for the expectation; two standard errors are left for the simulation.
    assert np.mean(losses) <= alpha + 2 * np.std(losses) / math.sqrt(len(losses))
    # And it is no empty promise: at these sizes it costs less than a keep-everything policy does.
    assert np.mean(losses) > alpha / 10


def test_threshold_by_hand() -> None:
    # n = 4, alpha = 0.5: losses may sum to 0.5 * 5 - 1 = 1.5. In order 0.2 (1), 0.3 (1/2), 0.6 (1/2): after 0.2 and
    # 0.3 the sum is 1.5, after 0.6 it would be 2, so 0.6 has to be kept.
    queries: list[Query] = [
        ([0.9, 0.1], [True, False]),
        ([0.8, 0.2], [False, True]),
        ([0.6, 0.3], [True, True]),
        ([0.7, 0.5], [True, False]),
    ]
    assert RecallGuarantee(0.5).fit(queries) == RecallGuarantee(0.5, 0.6, 4)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(9, 40))
def test_threshold_is_the_largest_that_satisfies_the_bound(seed: int, n: int) -> None:
    queries = simulated(np.random.default_rng(seed), n)
    fitted = RecallGuarantee(0.15).fit(queries)

    def bound(threshold: float) -> float:
        lost = sum(share_lost(RecallGuarantee(0.15, threshold, n), query) for query in queries)
        return (lost + 1) / (n + 1)

    assert fitted.threshold is not None
    assert bound(fitted.threshold) <= 0.15 + 1e-9
    higher = min((p for scores, _ in queries for p in scores if p > fitted.threshold), default=1.0)
    assert bound(higher) > 0.15 - 1e-9 or higher == 1.0


def test_queries_without_a_relevant_candidate_do_not_count() -> None:
    queries = simulated(np.random.default_rng(0), 30)
    hopeless: Query = ([0.9, 0.4], [False, False])
    assert RecallGuarantee(0.1).fit([*queries, *[hopeless] * 20, ([], [])]) == RecallGuarantee(0.1).fit(queries)


def test_rounding_does_not_cost_a_passage() -> None:
    # Thirds that add up to 1 must not count as more than 1.
    thirds: Query = ([0.3, 0.2, 0.1], [True, True, True])
    sure: Query = ([0.9], [True])
    assert RecallGuarantee(0.2).fit([thirds, *[sure] * 8]).threshold == 0.9


def test_too_few_queries_are_refused_with_the_number_needed() -> None:
    queries = simulated(np.random.default_rng(0), 18)
    with pytest.raises(BadInput, match=r"18 queries .* too few for alpha = 0.05: at least 19"):
        RecallGuarantee(0.05).fit(queries)
    assert RecallGuarantee(0.05).fit([*queries, ([0.7], [True])]).n_queries == 19


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (([0.5], [True, False]), "query 2 has 1 probabilities and 2 labels"),
        (([1.5], [True]), "query 2: 1.5 is not a probability"),
        (([math.nan], [False]), "query 2: nan is not a probability"),
    ],
)
def test_bad_queries_are_named(query: Query, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        RecallGuarantee(0.5).fit([([0.5], [True]), query])


def test_unfitted_it_neither_works_nor_saves(tmp_path: Path) -> None:
    with pytest.raises(NotFitted, match="fit"):
        RecallGuarantee(0.1).keep([0.9])
    with pytest.raises(NotFitted, match="fit"):
        RecallGuarantee(0.1).save(tmp_path / "guarantee.json")
    assert list(tmp_path.iterdir()) == []


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    fitted = RecallGuarantee(0.1).fit(simulated(np.random.default_rng(1), 30))
    fitted.save(tmp_path / "guarantee.json")
    assert RecallGuarantee.load(tmp_path / "guarantee.json") == fitted


@pytest.mark.parametrize(
    "content",
    [
        "not JSON",
        "[]",
        json.dumps({"format": "tamis-calibrator", "version": 1}),
        json.dumps({"format": "tamis-recall-guarantee", "version": 9}),
        json.dumps({"format": "tamis-recall-guarantee", "version": 1, "alpha": 0.1}),
        json.dumps({"format": "tamis-recall-guarantee", "version": 1, "alpha": 7, "threshold": 0.5, "n_queries": 9}),
    ],
)
def test_loading_what_is_none_names_the_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(BadInput, match=r"other\.json"):
        RecallGuarantee.load(path)
