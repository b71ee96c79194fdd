"""Calibration and selective answering, against the definitions written out."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.errors import BadInput, BadSetting
from tamis.eval.stats import (
    area_under_risk_coverage,
    brier_score,
    coverage_at_risk,
    excess_area_under_risk_coverage,
    expected_calibration_error,
    risk_at_coverage,
)

CASES = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


def risks(cases: list[tuple[float, bool]]) -> list[float]:
    """The share of errors among the k most confident, by sorting and counting."""
    ranked = sorted(cases, key=lambda case: -case[0])
    return [sum(not right for _, right in ranked[:k]) / k for k in range(1, len(ranked) + 1)]


@given(CASES)
def test_aurc_is_the_mean_risk_and_never_below_that_of_a_perfect_order(cases: list[tuple[float, bool]]) -> None:
    sure, right = [c for c, _ in cases], [r for _, r in cases]
    found = area_under_risk_coverage(sure, right)
    assert found == pytest.approx(math.fsum(risks(cases)) / len(cases))
    perfect = math.fsum(risks([(float(r), r) for r in right])) / len(cases)
    assert excess_area_under_risk_coverage(sure, right) == pytest.approx(found - perfect, abs=1e-12)


@given(CASES, st.floats(0.01, 1))
def test_risk_and_coverage_are_two_readings_of_one_curve(cases: list[tuple[float, bool]], share: float) -> None:
    sure, right = [c for c, _ in cases], [r for _, r in cases]
    risk = risk_at_coverage(sure, right, share)
    assert risk in [pytest.approx(one) for one in risks(cases)]
    assert coverage_at_risk(sure, right, min(1.0, risk)) >= share - 1 / len(cases) - 1e-9
    assert coverage_at_risk(sure, right, 1.0) == 1.0


def test_nothing_can_be_answered_without_risk_where_the_surest_is_wrong() -> None:
    assert coverage_at_risk([0.9, 0.2], [False, True], 0.4) == 0.0
    assert risk_at_coverage([0.9, 0.2], [False, True], 0.01) == 1.0


@given(CASES, st.integers(1, 20))
def test_calibration_error_by_bins_of_equal_width(cases: list[tuple[float, bool]], bins: int) -> None:
    total = 0.0
    for number in range(bins):
        inside = [c for c in cases if max(math.ceil(c[0] * bins) - 1, 0) == number]
        if inside:
            gap = sum(right for _, right in inside) / len(inside) - sum(c for c, _ in inside) / len(inside)
            total += len(inside) / len(cases) * abs(gap)
    found = expected_calibration_error([c for c, _ in cases], [r for _, r in cases], bins=bins)
    assert found == pytest.approx(total, abs=1e-9)


def test_calibration_error_and_brier_by_hand() -> None:
    """Two bins of two: |0.5 - 0.2| and |0.5 - 0.8|. As one bin both gaps cancel."""
    sure, right = [0.1, 0.3, 0.7, 0.9], [True, False, False, True]
    assert expected_calibration_error(sure, right, bins=2) == pytest.approx(0.3)
    assert expected_calibration_error(sure, right, bins=2, binning="mass") == pytest.approx(0.3)
    assert expected_calibration_error(sure, right, bins=1) == pytest.approx(0.0)
    assert brier_score(sure, right) == pytest.approx((0.81 + 0.09 + 0.49 + 0.01) / 4)


def test_bins_of_equal_mass_follow_the_confidences() -> None:
    sure = [0.90, 0.91, 0.92, 0.93]
    assert expected_calibration_error(sure, [False, False, True, True], bins=2, binning="mass") == pytest.approx(
        (0.905 + 0.075) / 2
    )
    assert expected_calibration_error(sure, [False, False, True, True], bins=2) == pytest.approx(0.415)


def test_bad_input_is_refused() -> None:
    with pytest.raises(BadInput, match=r"\[0, 1\]"):
        brier_score([1.2], [True])
    with pytest.raises(BadInput, match="2 confidences"):
        brier_score([0.1, 0.2], [True])
    with pytest.raises(BadSetting, match="coverage"):
        risk_at_coverage([0.5], [True], 0.0)
    with pytest.raises(BadSetting, match="risk"):
        coverage_at_risk([0.5], [True], 1.1)
    with pytest.raises(BadSetting, match="bin"):
        expected_calibration_error([0.5], [True], bins=0)
    with pytest.raises(BadSetting, match="height"):
        expected_calibration_error([0.5], [True], binning="height")  # type: ignore[arg-type]
