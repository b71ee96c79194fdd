"""Values that are all the same: found in spite of rounding, and no more said of them than the groups carry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.errors import BadSetting
from tamis.eval.stats import alike_interval, all_alike, mean_interval, rate_interval

UNIT = (0.0, 1.0)


@given(st.floats(-1e300, 1e300), st.lists(st.integers(1, 9), min_size=1, max_size=40))
def test_the_same_value_everywhere_is_alike_whatever_the_groups(value: float, sizes: list[int]) -> None:
    clusters = [group for group, size in enumerate(sizes) for _ in range(size)]
    assert all_alike([value] * len(clusters))
    assert all_alike([value] * len(clusters), clusters)


def test_groups_of_the_same_mean_are_alike_and_close_values_are_not() -> None:
    assert all_alike([0.4, 0.6, 0.6, 0.4], ["a", "a", "b", "b"])
    assert not all_alike([0.4, 0.6, 0.6, 0.4])
    assert not all_alike([1.0, 1.0 + 1e-9])
    assert not all_alike([0.0, 0.0, 1e-300])


def test_what_rounding_leaves_of_large_numbers_is_not_taken_for_a_difference() -> None:
    b = np.arange(1, 40) * 1e5
    left = ((b + 0.1) - b).tolist()
    assert not all_alike(left)
    assert all_alike(left, size=float(b.max()))


@pytest.mark.parametrize(("value", "hits"), [(0.0, 0), (1.0, 12)])
@pytest.mark.parametrize("confidence", [0.9, 0.99])
def test_a_share_that_is_always_0_or_1_is_as_sure_as_a_rate(value: float, hits: int, confidence: float) -> None:
    found = alike_interval(value, 60, groups=12, within=UNIT, confidence=confidence)
    expected = rate_interval(hits, 12, confidence=confidence)
    assert (found.mean, found.n) == (value, 60)
    assert (found.low, found.high) == pytest.approx(expected[1:3])


def test_another_share_leaves_room_on_both_sides_and_a_difference_between_minus_one_and_one() -> None:
    """By hand: of 20 alike, 0.025 ** (1 / 20) = 0.8316 or more are; the other 0.1684 may be anything."""
    low, high = alike_interval(0.5, 20, groups=20, within=UNIT)[1:3]
    assert (low, high) == pytest.approx((0.5 * 0.8316, 0.5 * 0.8316 + 0.1684), abs=1e-4)
    low, high = alike_interval(-0.2, 20, groups=20, within=(-1.0, 1.0))[1:3]
    assert (low, high) == pytest.approx((-0.2 * 0.8316 - 0.1684, -0.2 * 0.8316 + 0.1684), abs=1e-4)


@pytest.mark.parametrize("chance", [0.6, 0.8, 0.9, 0.97])
def test_it_holds_the_true_mean_of_a_share_that_is_mostly_the_same(chance: float) -> None:
    """2,000 samples of 10 of 0.3, else 1: where all are 0.3 by luck, the mean must still be enclosed at 95%."""
    rng, truth, missed = np.random.default_rng(2), 0.3 * chance + (1 - chance), 0
    for draw in np.where(rng.random((2_000, 10)) < chance, 0.3, 1.0):
        values = draw.tolist()
        if all_alike(values):
            low, high = alike_interval(0.3, 10, groups=10, within=UNIT)[1:3]
            assert low is not None
            assert high is not None
            missed += not low <= truth <= high
    assert missed <= 0.05 * 2_000


def test_without_bounds_or_with_one_group_nothing_is_claimed() -> None:
    assert alike_interval(3.0, 500, groups=500, within=None)[1:3] == (None, None)
    assert alike_interval(1.0, 500, groups=1, within=UNIT)[1:3] == (None, None)
    assert mean_interval([3.0] * 5)[1:3] == (3.0, 3.0)
    with pytest.raises(BadSetting):
        alike_interval(1.0, 5, groups=5, within=UNIT, confidence=1.0)
