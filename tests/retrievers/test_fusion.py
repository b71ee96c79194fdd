"""Fusion: the published formula, weights, ties, and sources that know nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.retrievers import calibrated, reciprocal_rank

IDS = st.lists(st.sampled_from("abcdefghij"), unique=True, max_size=10)
RANKINGS = st.dictionaries(st.sampled_from(["dense", "bm25", "image"]), IDS, max_size=3)


def test_reciprocal_rank_is_the_published_sum_with_ranks_from_one() -> None:
    fused = reciprocal_rank({"dense": ["a", "b", "c"], "bm25": ["c", "a"]})
    assert [id for id, _ in fused] == ["a", "c", "b"]
    assert [score for _, score in fused] == pytest.approx([1 / 61 + 1 / 62, 1 / 63 + 1 / 61, 1 / 62])


def test_weights_count_a_source_as_often_and_zero_leaves_it_out() -> None:
    rankings = {"dense": ["a"], "bm25": ["b"]}
    assert [id for id, _ in reciprocal_rank(rankings, weights={"bm25": 2.0})] == ["b", "a"]
    assert [id for id, _ in reciprocal_rank(rankings, weights={"bm25": 0.0})] == ["a"]


def test_an_id_listed_twice_by_a_source_counts_at_its_first_place() -> None:
    assert reciprocal_rank({"dense": ["a", "a", "b"]}) == reciprocal_rank({"dense": ["a", "b"]})


@given(RANKINGS, st.integers(0, 100))
def test_every_id_comes_once_best_first_and_ties_by_id(rankings: dict[str, list[str]], k: int) -> None:
    fused = reciprocal_rank(rankings, k)
    assert {id for id, _ in fused} == {id for ids in rankings.values() for id in ids}
    assert fused == sorted(fused, key=lambda one: (-one.score, one.id))
    assert len({id for id, _ in fused}) == len(fused)
    for id, score in fused:
        assert score == pytest.approx(sum(1 / (k + ids.index(id) + 1) for ids in rankings.values() if id in ids))


@given(RANKINGS)
def test_the_order_of_the_sources_does_not_change_the_ranking(rankings: dict[str, list[str]]) -> None:
    backwards = dict(reversed(list(rankings.items())))
    assert [id for id, _ in reciprocal_rank(backwards)] == [id for id, _ in reciprocal_rank(rankings)]


@given(
    st.dictionaries(
        st.sampled_from(["dense", "bm25"]),
        st.dictionaries(st.sampled_from("abcde"), st.floats(0, 1, allow_subnormal=False)),
    ),
    st.floats(0.1, 5),
)
def test_the_opinion_pool_stays_between_nought_and_one(
    probabilities: dict[str, dict[str, float]], weight: float
) -> None:
    fused = calibrated(probabilities, {"dense": weight})
    assert all(0 <= score <= 1 + 1e-12 for _, score in fused)
    assert fused == sorted(fused, key=lambda one: (-one.score, one.id))


def test_the_opinion_pool_is_the_weighted_mean() -> None:
    fused = calibrated({"dense": {"a": 0.8}, "bm25": {"a": 0.2, "b": 1.0}}, {"dense": 3.0})
    assert dict(fused) == pytest.approx({"a": (3 * 0.8 + 0.2) / 4, "b": 1 / 4})
