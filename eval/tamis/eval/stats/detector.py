"""A rate that was counted by an imperfect detector, corrected for what it misses and what it takes for a hit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tamis.core.errors import BadInput

from .arithmetic import checked_confidence, special
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
    return _rogan_gladen(hits / n, n, n, detector, confidence, np.random.default_rng(seed))


def rogan_gladen_of(
    observed: Interval, detector: Detector, *, confidence: float = 0.95, seed: int = 0
) -> Interval | None:
    """The same for a share in [0, 1] that is known with its interval: a rate over clusters, a mean of shares of claims.

    It is drawn from the Beta distribution whose interval of this ``confidence`` is as wide as the given one. Raises
    BadInput for a mean outside [0, 1].

    >>> detector = Detector(true_positives=80, positives=100, true_negatives=90, negatives=100)
    >>> round(rogan_gladen_of(Interval(0.3, 0.21, 0.4, 100), detector).mean, 4)
    0.2857
    """
    size = effective_size(observed, confidence)
    rng = np.random.default_rng(seed)
    return _rogan_gladen(observed.mean, size, observed.n, detector, confidence, rng)


def effective_size(observed: Interval, confidence: float) -> float:
    """How many independent cases a share is known from, by the width of its interval; above 0.

    ``n`` where there is no interval, or one without width: values that all agree say nothing of their spread.
    """
    checked_confidence(confidence)
    if not 0 <= observed.mean <= 1 or observed.n < 1:
        raise BadInput(f"a share lies between 0 and 1 and is of some cases, not {observed.mean} of {observed.n}")
    if observed.low is None or observed.high is None or observed.high - observed.low < 1e-9:
        return observed.n
    tail, wanted = (1 - confidence) / 2, observed.high - observed.low

    def width(size: float) -> float:
        low, high = special.betaincinv(*_beta(observed.mean, size), [tail, 1 - tail]).tolist()
        return float(high - low)

    below, above = 1e-3, 1e9
    for _ in range(80):
        middle = (below * above) ** 0.5
        below, above = (middle, above) if width(middle) > wanted else (below, middle)
    return above


def drawn(share: float, size: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draws of a share that is known from so many cases, from its Jeffreys posterior; shape (DRAWS,)."""
    return rng.beta(*_beta(share, size), DRAWS)


def _beta(share: float, size: float) -> tuple[float, float]:
    return share * size + 0.5, (1 - share) * size + 0.5


def _rogan_gladen(
    share: float, size: float, n: int, detector: Detector, confidence: float, rng: np.random.Generator
) -> Interval | None:
    gain = detector.sensitivity + detector.specificity - 1
    if gain <= 0:
        return None
    mean = min(1.0, max(0.0, (share + detector.specificity - 1) / gain))
    observed = drawn(share, size, rng)
    sensitivity = drawn(detector.sensitivity, detector.positives, rng)
    specificity = drawn(detector.specificity, detector.negatives, rng)
    gains = sensitivity + specificity - 1
    informative = gains > 0
    if informative.mean() < 0.99:
        return Interval(mean, None, None, n)
    corrected = np.clip((observed + specificity - 1)[informative] / gains[informative], 0.0, 1.0)
    low, high = np.quantile(corrected, [(1 - confidence) / 2, (1 + confidence) / 2]).tolist()
    return Interval(mean, min(low, mean), max(high, mean), n)
