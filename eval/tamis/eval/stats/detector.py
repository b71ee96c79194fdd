"""A rate that was counted by an imperfect detector, corrected for what it misses and what it takes for a hit."""

from dataclasses import dataclass

import numpy as np

from tamis.core.errors import BadInput

from .arithmetic import checked_confidence
from .interval import Interval

DRAWS = 20_000
"""Draws of the three rates, for the interval."""


@dataclass(frozen=True)
class Detector:
    """How a detector did on cases whose truth is known: hits found of real ones, and real non-hits let pass."""

    true_positives: int
    positives: int
    true_negatives: int
    negatives: int

    def __post_init__(self) -> None:
        for right, of in ((self.true_positives, self.positives), (self.true_negatives, self.negatives)):
            if not 0 <= right <= of or of < 1:
                raise BadInput(f"a detector is known from at least one case of each kind, not from {right} of {of}")

    @property
    def sensitivity(self) -> float:
        """The share of real hits that it finds, in [0, 1]."""
        return self.true_positives / self.positives

    @property
    def specificity(self) -> float:
        """The share of real non-hits that it lets pass, in [0, 1]."""
        return self.true_negatives / self.negatives


def rogan_gladen(hits: int, n: int, detector: Detector, *, confidence: float = 0.95, seed: int = 0) -> Interval | None:
    """The true rate behind ``hits`` of ``n`` (Rogan and Gladen 1978), clipped to [0, 1], with its interval.

    ``(hits / n + specificity - 1) / (sensitivity + specificity - 1)``; None where sensitivity and specificity add up to
    1 or less: such a detector says nothing. The interval is a parametric bootstrap of all three rates, each drawn from
    its Jeffreys posterior: a resample of a detector that never erred would never err. Its ends are None where more than
    1 in 100 draws is of a detector that says nothing. Detectors do not carry over between models without loss: take
    the counts from answers like those that are judged.

    >>> found = rogan_gladen(30, 100, Detector(true_positives=80, positives=100, true_negatives=90, negatives=100))
    >>> round(found.mean, 4)
    0.2857
    """
    checked_confidence(confidence)
    if not 0 <= hits <= n or n < 1:
        raise BadInput(f"a rate needs 0 <= hits <= n and at least one trial, not {hits} of {n}")
    gain = detector.sensitivity + detector.specificity - 1
    if gain <= 0:
        return None
    mean = min(1.0, max(0.0, (hits / n + detector.specificity - 1) / gain))
    rng = np.random.default_rng(seed)
    observed = rng.beta(hits + 0.5, n - hits + 0.5, DRAWS)
    missed = detector.positives - detector.true_positives
    sensitivity = rng.beta(detector.true_positives + 0.5, missed + 0.5, DRAWS)
    alarms = detector.negatives - detector.true_negatives
    specificity = rng.beta(detector.true_negatives + 0.5, alarms + 0.5, DRAWS)
    gains = sensitivity + specificity - 1
    informative = gains > 0
    if informative.mean() < 0.99:
        return Interval(mean, None, None, n)
    corrected = np.clip((observed + specificity - 1)[informative] / gains[informative], 0.0, 1.0)
    low, high = np.quantile(corrected, [(1 - confidence) / 2, (1 + confidence) / 2]).tolist()
    return Interval(mean, min(low, mean), max(high, mean), n)
