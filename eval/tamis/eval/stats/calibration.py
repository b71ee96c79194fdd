"""Whether confidence means what it says, and what answering less would gain."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tamis.core.errors import BadInput, BadSetting

from .arithmetic import finite

Binning = Literal["width", "mass"]


def expected_calibration_error(
    confidences: Sequence[float], correct: Sequence[bool], *, bins: int = 15, binning: Binning = "width"
) -> float:
    """The mean gap between confidence and accuracy over bins, weighted by cases; in [0, 1], lower is better.

    ``binning`` is "width" for bins of equal width over [0, 1] (Guo et al. 2017; the upper edge belongs to the bin), or
    "mass" for bins with as many cases each (the adaptive form), in order of confidence.

    >>> round(expected_calibration_error([0.9, 0.9, 0.9, 0.9], [True, True, True, False]), 4)
    0.15
    """
    sure, right = _checked(confidences, correct)
    if bins < 1:
        raise BadSetting(f"there must be at least one bin, not {bins}")
    if binning == "width":
        of_case = np.maximum(np.ceil(sure * bins).astype(int) - 1, 0)
    elif binning == "mass":
        of_case = np.empty(len(sure), dtype=int)
        of_case[np.argsort(sure, kind="stable")] = np.arange(len(sure)) * bins // len(sure)
    else:
        raise BadSetting(f'bins are of equal "width" or "mass", not "{binning}"')
    gaps = np.bincount(of_case, weights=right - sure, minlength=bins)
    return float(np.abs(gaps).sum() / len(sure))


def brier_score(confidences: Sequence[float], correct: Sequence[bool]) -> float:
    """The mean squared gap between confidence and what came (Brier 1950); in [0, 1], lower is better.

    >>> round(brier_score([0.9, 0.2], [True, False]), 4)
    0.025
    """
    sure, right = _checked(confidences, correct)
    return float(((sure - right) ** 2).mean())


def area_under_risk_coverage(confidences: Sequence[float], correct: Sequence[bool]) -> float:
    """AURC: the mean, over k, of the share of errors among the k most confident; in [0, 1], lower is better.

    The "mean" form (Geifman et al. 2018), not the trapezoid one. Equal confidences keep their order.

    >>> round(area_under_risk_coverage([0.9, 0.8, 0.7], [True, False, True]), 4)
    0.2778
    """
    return float(_risks(confidences, correct).mean())


def excess_area_under_risk_coverage(confidences: Sequence[float], correct: Sequence[bool]) -> float:
    """E-AURC: AURC less that of a perfect order with the same errors; in [0, 1], 0 is best.

    >>> round(excess_area_under_risk_coverage([0.9, 0.8, 0.7], [True, False, True]), 4)
    0.1667
    """
    _, right = _checked(confidences, correct)
    perfect = area_under_risk_coverage(right.tolist(), [bool(one) for one in right])
    return max(0.0, area_under_risk_coverage(confidences, correct) - perfect)


def risk_at_coverage(confidences: Sequence[float], correct: Sequence[bool], coverage: float) -> float:
    """The share of errors when only the most confident ``coverage`` of cases are answered, at least one; in [0, 1].

    >>> risk_at_coverage([0.9, 0.8, 0.7, 0.6], [True, False, True, False], 0.5)
    0.5
    """
    if not 0 < coverage <= 1:
        raise BadSetting(f"coverage must lie in (0, 1], not {coverage}")
    risks = _risks(confidences, correct)
    return float(risks[max(1, math.ceil(coverage * len(risks) - 1e-9)) - 1])


def coverage_at_risk(confidences: Sequence[float], correct: Sequence[bool], risk: float) -> float:
    """The largest share of cases that can be answered, most confident first, with at most this share of errors.

    0 where not even the most confident alone will do.

    >>> coverage_at_risk([0.9, 0.8, 0.7, 0.6], [True, True, False, False], 0.4)
    0.75
    """
    if not 0 <= risk <= 1:
        raise BadSetting(f"risk must lie in [0, 1], not {risk}")
    allowed = np.flatnonzero(_risks(confidences, correct) <= risk + 1e-12)
    return float((allowed[-1] + 1) / len(confidences)) if len(allowed) else 0.0


def _risks(confidences: Sequence[float], correct: Sequence[bool]) -> NDArray[np.float64]:
    """The share of errors among the k most confident, for k = 1..n."""
    sure, right = _checked(confidences, correct)
    wrong = 1 - right[np.argsort(-sure, kind="stable")]
    risks: NDArray[np.float64] = np.cumsum(wrong) / np.arange(1, len(wrong) + 1)
    return risks


def _checked(confidences: Sequence[float], correct: Sequence[bool]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if len(confidences) != len(correct):
        raise BadInput(f"{len(confidences)} confidences need as many verdicts, not {len(correct)}")
    sure = finite(confidences)
    if sure.min() < 0 or sure.max() > 1:
        raise BadInput(f"a confidence lies in [0, 1], not in [{sure.min()}, {sure.max()}]")
    return sure, np.array([float(bool(one)) for one in correct])
