"""Rates: exact where that is promised, as wide over clusters as they must be, mirrored when the sides are swapped."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as reference  # type: ignore[import-untyped]
from statsmodels.stats.proportion import proportion_confint  # type: ignore[import-untyped]

from tamis.core.errors import BadInput, BadSetting
from tamis.eval.stats import clustered_rate_interval, paired_rate_difference, rate_interval, wilson_interval

COUNTS = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS, st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_exact_and_wilson_intervals_are_those_of_scipy_and_statsmodels(counts: tuple[int, int], level: float) -> None:
    hits, n = counts
    exact = reference.binomtest(hits, n).proportion_ci(confidence_level=level, method="exact")
    assert rate_interval(hits, n, confidence=level)[1:3] == pytest.approx((exact.low, exact.high), abs=1e-9)
    wilson = proportion_confint(hits, n, alpha=1 - level, method="wilson")
    assert wilson_interval(hits, n, confidence=level)[1:3] == pytest.approx(wilson, abs=1e-9)


def test_a_rate_over_single_cases_is_the_exact_one() -> None:
    hits = [True] * 7 + [False] * 23
    assert clustered_rate_interval(hits, range(30)) == rate_interval(7, 30)


def test_copies_count_for_what_they_are_copies_of() -> None:
    """30 answers ten times each: as many independent ones, by definition of the effective number."""
    hits = [True] * 7 + [False] * 23
    clusters = [n for n in range(30) for _ in range(10)]
    found = clustered_rate_interval([hit for hit in hits for _ in range(10)], clusters)
    alone = rate_interval(7, 30)
    assert found.mean == alone.mean
    assert found.n == 300
    assert found[1:3] == pytest.approx(alone[1:3], abs=0.03)
    assert clustered_rate_interval([True, False], ["q", "q"])[1:3] == (None, None)


def test_rates_over_clusters_hold_about_as_often_as_they_say() -> None:
    """400 runs of 30 clusters of 6 whose rates scatter around 0.3; the exact interval holds more often, never less."""
    rng = np.random.default_rng(2)
    clusters = [group for group in range(30) for _ in range(6)]
    held = careless = differences = 0
    for _ in range(400):
        rates = rng.beta(0.6, 1.4, 30)
        hits = rng.random(180) < np.repeat(rates, 6)
        others = rng.random(180) < np.repeat(rng.beta(0.6, 1.4, 30), 6)
        found = clustered_rate_interval(hits.tolist(), clusters)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.3 <= found.high
        plain = rate_interval(int(hits.sum()), 180)
        careless += plain[1] <= 0.3 <= plain[2]  # type: ignore[operator]
        gap = paired_rate_difference(hits.tolist(), others.tolist(), clusters=clusters)
        differences += gap[1] <= 0 <= gap[2]  # type: ignore[operator]
    assert held >= 0.93 * 400
    assert careless < 0.88 * 400
    assert differences >= 0.92 * 400


def test_a_difference_over_clusters_has_width_where_both_sides_agree() -> None:
    clusters = [n // 4 for n in range(40)]
    found = paired_rate_difference([False] * 40, [False] * 40, clusters=clusters)
    assert found[1:3] == paired_rate_difference([False] * 10, [False] * 10)[1:3]
    assert found.n == 40
    single = paired_rate_difference([True, False] * 20, [False] * 40, clusters=range(40))
    assert single == paired_rate_difference([True, False] * 20, [False] * 40)


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


def test_bad_counts_lengths_and_confidences_are_refused() -> None:
    with pytest.raises(BadInput, match="11 of 10"):
        rate_interval(11, 10)
    with pytest.raises(BadInput, match="0 of 0"):
        rate_interval(0, 0)
    with pytest.raises(BadInput, match="as many"):
        paired_rate_difference([True], [])
    with pytest.raises(BadSetting, match=r"1\.5"):
        rate_interval(1, 2, confidence=1.5)
