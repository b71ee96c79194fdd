"""Policies that look at scores alone: Threshold, ZCut, LargestGap, FixedK, and what holds for every policy."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.core.errors import BadInput, BadSetting, UnknownComponent
from tamis.rerankers import POLICIES, ExpectedF1, FixedK, LargestGap, Policy, RecallGuarantee, Threshold, ZCut

FITTED = RecallGuarantee(alpha=0.1, threshold=0.3, n_queries=20)
EVERY_POLICY: list[Policy] = [ExpectedF1(), ExpectedF1(beta=2), FITTED, Threshold(), ZCut(), LargestGap(), FixedK(3)]
PROBABILITIES = st.lists(st.floats(0, 1), max_size=30).map(lambda values: sorted(values, reverse=True))


@pytest.mark.parametrize("policy", EVERY_POLICY, ids=lambda policy: type(policy).__name__)
@settings(deadline=None)
@given(probabilities=PROBABILITIES)
def test_every_policy_returns_an_int_from_0_to_all(policy: Policy, probabilities: list[float]) -> None:
    k = policy.keep(probabilities)
    assert type(k) is int
    assert 0 <= k <= len(probabilities)


@pytest.mark.parametrize("policy", [*EVERY_POLICY[:-1], FixedK(3, floor=0.5)], ids=lambda policy: type(policy).__name__)
def test_every_policy_can_abstain(policy: Policy) -> None:
    assert policy.keep([0.04, 0.03, 0.02, 0.01]) == 0


@pytest.mark.parametrize("policy", EVERY_POLICY, ids=lambda policy: type(policy).__name__)
@pytest.mark.parametrize("scores", [[0.5, math.nan], [math.inf, 0.5], [0.2, 0.9]])
def test_every_policy_refuses_scores_that_are_not_finite_or_not_best_first(policy: Policy, scores: list[float]) -> None:
    with pytest.raises(BadInput):
        policy.keep(scores)


@pytest.mark.parametrize("policy", [ExpectedF1(), FITTED], ids=lambda policy: type(policy).__name__)
@pytest.mark.parametrize("scores", [[3.5, 0.2], [0.5, -2.0]])
def test_policies_of_probabilities_name_the_score_and_the_reranker_as_the_remedy(
    policy: Policy, scores: list[float]
) -> None:
    with pytest.raises(BadInput, match=r"(3\.5|-2\.0) is not a probability; put a Reranker before"):
        policy.keep(scores)


@pytest.mark.parametrize("policy", EVERY_POLICY, ids=lambda policy: type(policy).__name__)
def test_every_policy_is_written_down_and_built_again(policy: Policy) -> None:
    assert POLICIES.build(POLICIES.spec(policy)) == policy


def test_every_name_builds_a_policy() -> None:
    for name in POLICIES.names():
        assert isinstance(POLICIES.build(name), Policy)


def test_unknown_policy_is_named_with_those_that_exist() -> None:
    with pytest.raises(UnknownComponent, match='no policy is called "nope"; known: expected-f1, fixed-k'):
        POLICIES.build("nope")


@pytest.mark.parametrize(
    ("policy", "settings"),
    [
        (FixedK, {"k": 0}),
        (FixedK, {"k": -1}),
        (FixedK, {"k": True}),
        (FixedK, {"k": 2.5}),
        (FixedK, {"floor": math.nan}),
        (Threshold, {"eta": math.nan}),
        (Threshold, {"eta": "0.5"}),
        (ZCut, {"z": math.inf}),
        (ZCut, {"floor": math.nan}),
        (LargestGap, {"floor": "low"}),
        (ExpectedF1, {"beta": 0}),
        (ExpectedF1, {"beta": -1}),
        (ExpectedF1, {"beta": math.nan}),
        (RecallGuarantee, {"alpha": 0}),
        (RecallGuarantee, {"alpha": 1}),
        (RecallGuarantee, {"alpha": 1.5}),
        (RecallGuarantee, {"alpha": math.nan}),
        (RecallGuarantee, {"threshold": 2.0}),
    ],
)
def test_settings_outside_their_range_are_refused_with_their_value(policy: Any, settings: dict[str, Any]) -> None:
    (value,) = settings.values()
    with pytest.raises(BadSetting, match=f"is {value!r}"):
        policy(**settings)


def test_fixed_k_keeps_k_or_all_there_are() -> None:
    assert [FixedK(2).keep([0.9] * n) for n in range(4)] == [0, 1, 2, 2]


def test_fixed_k_with_a_floor_is_up_to_k() -> None:
    scores = [0.9, 0.5, 0.4]
    assert FixedK(3, floor=0.5).keep(scores) == 2
    assert FixedK(1, floor=0.5).keep(scores) == 1


@settings(deadline=None)
@given(PROBABILITIES, st.floats(0, 1), st.floats(0, 1))
def test_raising_the_threshold_never_adds_a_passage(scores: list[float], eta: float, other: float) -> None:
    low, high = sorted((eta, other))
    assert Threshold(high).keep(scores) <= Threshold(low).keep(scores)


def test_threshold_keeps_what_equals_eta() -> None:
    assert Threshold(0.5).keep([0.5, 0.49]) == 1


def test_threshold_takes_scores_of_any_range() -> None:
    assert Threshold(eta=0.0).keep([3.2, 0.0, -4.0]) == 2


def test_z_cut_is_unchanged_by_shift_and_scale_when_the_floor_is_off() -> None:
    scores = [4.0, 3.0, 0.5, 0.25, 0.0]
    for z in (-0.5, 0.0, 0.5, 1.0):
        expected = ZCut(z, floor=None).keep(scores)
        assert ZCut(z, floor=None).keep([7 * score - 3 for score in scores]) == expected


def test_z_cut_of_bunched_scores_keeps_none_above_their_highest_z() -> None:
    # 1, 1, 1, 1, 0 has mean 0.8 and deviation 0.4: the highest z is 0.5.
    assert ZCut(0.5, floor=None).keep([1, 1, 1, 1, 0]) == 4
    assert ZCut(0.51, floor=None).keep([1, 1, 1, 1, 0]) == 0


@pytest.mark.parametrize("scores", [[0.7], [0.7, 0.2], [0.7, 0.7, 0.7]])
def test_z_cut_without_a_spread_applies_only_the_floor(scores: list[float]) -> None:
    assert ZCut(2.0, floor=0.5).keep(scores) == scores.count(0.7)


def test_z_cut_drops_what_stands_out_but_lies_below_the_floor() -> None:
    assert ZCut(1.0, floor=0.5).keep([0.3, 0.1, 0.1, 0.1]) == 0
    assert ZCut(1.0, floor=None).keep([0.3, 0.1, 0.1, 0.1]) == 1


@pytest.mark.parametrize(
    ("scores", "kept"),
    [
        ([0.9, 0.88, 0.87], 3),  # falls of 0.02, 0.01, and 0.37 to the floor
        ([0.9, 0.6, 0.55], 1),
        ([0.9, 0.85, 0.2, 0.1], 2),
        ([0.9, 0.7, 0.5], 1),  # equal falls: the first
        ([0.5], 1),
        ([], 0),
    ],
)
def test_largest_gap_cuts_at_the_largest_fall(scores: list[float], kept: int) -> None:
    assert LargestGap().keep(scores) == kept


def test_largest_gap_without_a_floor_takes_scores_of_any_range_and_always_keeps_one() -> None:
    assert LargestGap(floor=None).keep([-1.0, -1.5, -7.0]) == 2
    assert LargestGap(floor=None).keep([-3.0]) == 1
    assert LargestGap(floor=None).keep([]) == 0
