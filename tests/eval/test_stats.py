"""What the intervals promise: the right mean, the right coverage, the same numbers for the same seed."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as reference  # type: ignore[import-untyped]

from tamis.core.errors import BadInput, BadSetting
from tamis.eval import mean_interval, paired_difference, paired_rate_difference, rate_interval

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30)


@settings(max_examples=25, deadline=None)
@given(VALUES, st.integers(0, 2**31))
def test_the_interval_encloses_the_mean_within_the_data(values: list[float], seed: int) -> None:
    found = mean_interval(values, seed=seed)
    assert found.n == len(values)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.low is not None
    assert found.high is not None
    slack = 1e-9 * max(1.0, max(map(abs, values)))
    assert min(values) - slack <= found.low <= found.high <= max(values) + slack


def test_the_same_seed_gives_the_same_interval_and_another_seed_nearly() -> None:
    values = list(np.random.default_rng(1).gamma(2, size=60))
    assert mean_interval(values, seed=3) == mean_interval(values, seed=3)
    other = mean_interval(values, seed=4)
    assert other != mean_interval(values, seed=3)
    assert other.low == pytest.approx(mean_interval(values, seed=3).low, abs=0.05)


def test_a_normal_sample_gives_nearly_students_interval() -> None:
    values = np.random.default_rng(5).normal(10, 2, size=400)
    error = values.std(ddof=1) / math.sqrt(len(values))
    low, high = reference.t.interval(0.95, len(values) - 1, loc=values.mean(), scale=error)
    found = mean_interval(list(values))
    assert found.low == pytest.approx(low, abs=0.1 * error)
    assert found.high == pytest.approx(high, abs=0.1 * error)


def test_intervals_hold_the_true_mean_about_as_often_as_they_say() -> None:
    draws = np.random.default_rng(7).exponential(1.0, size=(200, 40))
    intervals = [mean_interval(list(draw), confidence=0.9, seed=i) for i, draw in enumerate(draws)]
    held = sum(one.low <= 1.0 <= one.high for one in intervals if one.low is not None and one.high is not None)
    assert 0.83 <= held / 200 <= 0.95


def test_a_higher_confidence_is_a_wider_interval() -> None:
    values = [0.0, 1.0, 1.0, 0.0, 1.0, 0.5, 0.2, 0.9]
    narrow, wide = mean_interval(values, confidence=0.5), mean_interval(values, confidence=0.99)
    assert narrow.low is not None
    assert wide.low is not None
    assert wide.low < narrow.low


def test_copies_of_an_item_do_not_make_the_mean_surer_when_they_are_one_cluster() -> None:
    items = [0.0, 1.0, 0.3, 0.8, 0.1, 0.9, 0.4, 0.6]
    copied = [value for value in items for _ in range(10)]
    clusters = [item for item in range(len(items)) for _ in range(10)]
    alone, together = mean_interval(items), mean_interval(copied, clusters=clusters)
    assert together.low == pytest.approx(alone.low, abs=0.03)
    assert together.high == pytest.approx(alone.high, abs=0.03)
    assert together.n == 80
    careless = mean_interval(copied)
    assert careless.low is not None
    assert together.low is not None
    assert careless.low > together.low


def test_clusters_of_unequal_size_keep_the_mean_of_the_values() -> None:
    assert mean_interval([1.0, 1.0, 1.0, 5.0], clusters=["a", "a", "a", "b"]).mean == 2.0


def test_one_value_or_one_cluster_has_no_interval() -> None:
    assert mean_interval([0.4])[1:3] == (None, None)
    assert mean_interval([0.4, 0.6], clusters=["q", "q"])[1:3] == (None, None)


def test_data_for_which_bca_is_not_defined_still_get_an_interval() -> None:
    values = [0.0] * 30 + [1e-300]
    found = mean_interval(values)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.mean <= found.high


def test_the_paired_difference_sees_what_two_separate_intervals_do_not() -> None:
    rng = np.random.default_rng(2)
    difficulty = rng.normal(0, 5, size=80)
    a, b = difficulty + 0.5 + rng.normal(0, 0.1, 80), difficulty + rng.normal(0, 0.1, 80)
    found = paired_difference(list(a), list(b))
    assert found.low is not None
    assert found.low > 0
    assert found.mean == pytest.approx(a.mean() - b.mean())
    back = paired_difference(list(b), list(a))
    assert back.mean == pytest.approx(-found.mean)


def test_clopper_pearson_by_hand() -> None:
    # No hit in n trials: the upper end solves (1 - p)^n = 0.025.
    found = rate_interval(0, 24)
    assert found.low == 0.0
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 24))
    mirrored = rate_interval(24, 24)
    assert mirrored.high == 1.0
    assert mirrored.low == pytest.approx(0.025 ** (1 / 24))


def test_newcombe_by_hand_where_nothing_is_shared() -> None:
    # Rates 5/10 and 0/10; an empty margin makes phi 0, so both Wilson halves add up as squares.
    found = paired_rate_difference([True] * 5 + [False] * 5, [False] * 10)
    z2 = 3.841459
    half = math.sqrt(z2 * (0.025 + z2 / 400)) / (1 + z2 / 10)
    centre_gap = z2 / (10 + z2)  # Wilson's upper end of 0/10
    assert found.mean == 0.5
    assert found.low == pytest.approx(0.5 - math.hypot(half, centre_gap), abs=1e-5)
    assert found.high == pytest.approx(0.5 + half, abs=1e-5)


def test_newcombe_holds_the_true_difference_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(400):
        shared = rng.random(40)
        a, b = shared < 0.7, (shared + rng.normal(0, 0.05, 40)) < 0.5
        found = paired_rate_difference(list(a), list(b))
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.2 <= found.high
    assert held / 400 >= 0.92


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_swapping_the_sides_mirrors_a_rate_difference(pairs: list[tuple[bool, bool]]) -> None:
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    one, other = paired_rate_difference(a, b), paired_rate_difference(b, a)
    assert one.mean == pytest.approx(-other.mean)
    assert one.low is not None
    assert one.high is not None
    assert other.high == pytest.approx(-one.low)
    assert -1 <= one.low <= one.mean <= one.high <= 1


@pytest.mark.parametrize("bad", [[], [1.0, math.nan], [math.inf, 0.0]])
def test_values_that_are_no_numbers_are_refused(bad: list[float]) -> None:
    with pytest.raises(BadInput):
        mean_interval(bad)


def test_bad_counts_lengths_and_confidences_are_refused() -> None:
    with pytest.raises(BadInput, match="11 of 10"):
        rate_interval(11, 10)
    with pytest.raises(BadInput, match="0 of 0"):
        rate_interval(0, 0)
    with pytest.raises(BadInput, match="2 and 1"):
        paired_difference([1.0, 2.0], [1.0])
    with pytest.raises(BadInput, match="clusters"):
        mean_interval([1.0, 2.0], clusters=["a"])
    with pytest.raises(BadInput, match="as many"):
        paired_rate_difference([True], [])
    with pytest.raises(BadSetting, match=r"1\.5"):
        mean_interval([1.0, 2.0], confidence=1.5)
