"""Intervals of means: the right mean, the right coverage, SciPy's BCa, the same numbers for the same seed."""

import math
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats as reference  # type: ignore[import-untyped]

from tamis.core.errors import BadInput, BadSetting
from tamis.eval.stats import Interval, mean_interval, paired_difference

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30)


def ends(found: Interval) -> tuple[float, float]:
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def of_scipy(values: NDArray[np.float64], sizes: NDArray[np.float64]) -> tuple[float, float]:
    """SciPy's BCa of sum(values) / sum(sizes) over pairs drawn together."""
    found = reference.bootstrap(
        (values, sizes),
        lambda values, sizes, axis: values.sum(axis=axis) / sizes.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=20_000,
        batch=2_000,
        method="BCa",
        rng=np.random.default_rng(1),
    ).confidence_interval
    return float(found.low), float(found.high)


@pytest.mark.parametrize("n", [20, 99, 100, 300], ids=lambda n: f"{n} clusters")
@pytest.mark.parametrize("shape", ["exponential", "u-shaped", "few values", "rare"])
@pytest.mark.parametrize("clustered", [False, True], ids=["single", "clustered"])
def test_it_is_scipys_bca_drawn_or_computed(n: int, shape: str, clustered: bool) -> None:
    """Within 4% of the width: two bootstraps of 10,000 samples differ by as much (see the next test)."""
    rng = np.random.default_rng(n)
    shapes: dict[str, Callable[[], NDArray[np.float64]]] = {
        "exponential": lambda: rng.exponential(size=n),
        "u-shaped": lambda: rng.beta(0.5, 0.5, size=n),
        "few values": lambda: rng.choice([0.0, 0.25, 0.5, 1.0], size=n),
        "rare": lambda: np.where(rng.random(n) < 0.2, rng.random(n), 0.0),
    }
    means = shapes[shape]()
    sizes = rng.integers(1, 5, size=n) if clustered else np.ones(n, dtype=int)
    low, high = of_scipy(means * sizes, sizes.astype(float))
    owners = np.repeat(np.arange(n), sizes).tolist()
    found = mean_interval(np.repeat(means, sizes).tolist(), clusters=owners if clustered else None)
    assert ends(found) == pytest.approx((low, high), abs=0.04 * (high - low))


@pytest.mark.parametrize("n", [30, 150])
def test_intervals_hold_the_true_mean_about_as_often_as_they_say(n: int) -> None:
    """300 skewed samples at 90%: 270 would hold, give or take 2 * sqrt(300 * 0.9 * 0.1) = 10; BCa lacks some 2%."""
    draws = np.random.default_rng(7).exponential(1.0, size=(300, n))
    held = 0
    for draw in draws:
        low, high = ends(mean_interval(draw.tolist(), confidence=0.9))
        held += low <= 1.0 <= high
    assert 252 <= held <= 285


def test_intervals_over_clusters_hold_where_those_over_values_do_not() -> None:
    """40 groups of 5 that share most of their value: 300 runs at 90%."""
    rng = np.random.default_rng(3)
    clusters = [group for group in range(40) for _ in range(5)]
    held = careless = 0
    for _ in range(300):
        values = (np.repeat(rng.normal(0, 1, 40), 5) + rng.normal(0, 0.5, 200)).tolist()
        low, high = ends(mean_interval(values, confidence=0.9, clusters=clusters))
        held += low <= 0 <= high
        low, high = ends(mean_interval(values, confidence=0.9))
        careless += low <= 0 <= high
    assert 250 <= held <= 285
    assert careless < 200


def test_the_order_of_the_values_changes_nothing_that_is_not_drawn() -> None:
    values = np.random.default_rng(5).gamma(2, size=200)
    found = mean_interval(values.tolist())
    turned = mean_interval(values[::-1].tolist())
    assert turned.mean == found.mean
    assert ends(turned) == pytest.approx(ends(found), rel=1e-12)


@pytest.mark.parametrize("n", [40, 400])
@pytest.mark.parametrize("factor", [1e-300, 1e300])
def test_the_scale_of_the_values_changes_nothing(n: int, factor: float) -> None:
    values = np.random.default_rng(5).random(n)
    low, high = ends(mean_interval(values.tolist()))
    assert ends(mean_interval((values * factor).tolist())) == pytest.approx((low * factor, high * factor), rel=1e-9)


def test_thousands_of_intervals_are_a_matter_of_seconds() -> None:
    """20 figures under 30 variants, on 1,000 cases and on 90, where samples are drawn: some 0.7 s of one core."""
    rng = np.random.default_rng(0)
    values = [rng.random(n).tolist() for n in (90, 1000)]
    began = time.process_time()
    for one in values * 600:
        mean_interval(one)
    assert time.process_time() - began < 6


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


@pytest.mark.parametrize("bad", [[], [1.0, math.nan], [math.inf, 0.0]])
def test_values_that_are_no_numbers_are_refused(bad: list[float]) -> None:
    with pytest.raises(BadInput):
        mean_interval(bad)


def test_bad_lengths_and_confidences_are_refused() -> None:
    with pytest.raises(BadInput, match="2 and 1"):
        paired_difference([1.0, 2.0], [1.0])
    with pytest.raises(BadInput, match="clusters"):
        mean_interval([1.0, 2.0], clusters=["a"])
    with pytest.raises(BadSetting, match=r"1\.5"):
        mean_interval([1.0, 2.0], confidence=1.5)
