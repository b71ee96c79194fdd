"""Log-odds to probabilities and back to how good they are: the sigmoid, calibration error and Brier score."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


def sigmoid(log_odds: float) -> float:
    """The probability with these log-odds, in [0, 1]; never overflows.

    >>> sigmoid(0.0), sigmoid(-1000.0), sigmoid(1000.0)
    (0.5, 0.0, 1.0)
    """
    if log_odds >= 0:
        return 1.0 / (1.0 + math.exp(-log_odds))
    power = math.exp(log_odds)
    return power / (1.0 + power)


def calibration_error(
    probabilities: Sequence[float] | Vector, labels: Sequence[bool] | Vector, bins: int = 10
) -> float:
    """Expected calibration error over equal-mass bins, in [0, 1], lower is better.

    The bins are cut at quantiles, so each holds about as many pairs, and equal probabilities share one: with fewer
    distinct probabilities than ``bins`` there are fewer bins. A bin's error is the distance of its mean probability
    to its share of relevant pairs, weighted by its size (Naeini et al. 2015; equal mass: Nixon et al. 2019).

    >>> calibration_error([0.8, 0.8, 0.8, 0.8, 0.8], [True, True, True, True, False])
    0.0
    """
    values = np.asarray(probabilities, dtype=np.float64)
    relevant = np.asarray(labels, dtype=np.float64)
    edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1]))
    places = np.searchsorted(edges, values, side="left")
    excess = np.bincount(places, weights=values - relevant)
    return round(float(np.abs(excess).sum()) / len(values), 12)


def brier_score(probabilities: Sequence[float] | Vector, labels: Sequence[bool] | Vector) -> float:
    """Mean squared distance of probability and outcome, in [0, 1], lower is better (Brier 1950).

    >>> brier_score([1.0, 0.5], [True, False])
    0.125
    """
    return float(np.mean((np.asarray(probabilities, dtype=np.float64) - np.asarray(labels, dtype=np.float64)) ** 2))
