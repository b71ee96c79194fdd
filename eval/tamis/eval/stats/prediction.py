"""A mean over many judged cases, corrected by the few that a human labelled."""

import math
from collections.abc import Sequence

import numpy as np

from tamis.core.errors import BadInput

from .arithmetic import checked_confidence, finite, special
from .detector import DRAWS, Detector, drawn, effective_size
from .interval import Interval


def prediction_powered(
    judged: Sequence[float], labels: Sequence[float | None], *, confidence: float = 0.95
) -> Interval:
    """The mean human label of all cases: the judge's mean plus what humans say more on the labelled ones.

    ``judged[i]`` is what the judge says of case i, ``labels[i]`` what a human says, None where nobody was asked; who
    was asked must have been drawn at random. Prediction-powered inference (Angelopoulos et al. 2023, the plain form),
    right however bad the judge, and narrower than the labels alone where it is good. The interval is the normal one
    with Student's quantile for the labelled cases. It may leave the labels' range. The ends are None for a single
    label. Raises BadInput for no label or another length.

    >>> prediction_powered([1.0, 1.0, 0.0, 0.0], [1.0, 0.0, None, None]).mean
    0.0
    """
    checked_confidence(confidence)
    numbers = finite(judged)
    if len(labels) != len(numbers):
        raise BadInput(f"{len(numbers)} judged cases need as many labels, with None for no label, not {len(labels)}")
    known = np.array([label is not None for label in labels])
    if not known.any():
        raise BadInput("prediction-powered inference needs at least one labelled case")
    human = finite([float(label) for label in labels if label is not None])
    n, asked = len(numbers), len(human)
    rest = 1 - asked / n
    # Written as two independent means, one over the labelled cases and one over the others.
    corrected = human - rest * numbers[known]
    others = numbers[~known]
    mean = math.fsum(corrected) / asked + (rest * math.fsum(others) / len(others) if len(others) else 0.0)
    if asked < 2:
        return Interval(mean, None, None, n)
    variance = float(corrected.var(ddof=1)) / asked
    if len(others) > 1:
        variance += rest**2 * float(others.var(ddof=1)) / len(others)
    half = float(special.stdtrit(asked - 1, 0.5 + confidence / 2)) * math.sqrt(variance)
    return Interval(mean, mean - half, mean + half, n)


def prediction_powered_rate(
    observed: Interval, labelled: Detector, *, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """The true share behind an observed one, by the labels of a random sample of what it is of; clipped to [0, 1].

    The observed share, and what people say more than the judge on the labelled cases: those it missed less those it
    took for hits, of all (prediction-powered inference, Angelopoulos et al. 2023, for rates). Other than
    ``rogan_gladen_of`` it needs a sample of the very cases, since on others hits may be rarer; then it is right however
    bad the judge. The interval is a parametric bootstrap of both parts from their Jeffreys posteriors, so that a judge
    that never erred on the sample is not taken for perfect.

    >>> labelled = Detector(true_positives=20, positives=30, true_negatives=68, negatives=70)
    >>> round(prediction_powered_rate(Interval(0.22, 0.14, 0.31, 100), labelled).mean, 4)
    0.3
    """
    size = effective_size(observed, confidence)
    missed = labelled.positives - labelled.true_positives
    alarms = labelled.negatives - labelled.true_negatives
    right = labelled.true_positives + labelled.true_negatives
    mean = min(1.0, max(0.0, observed.mean + (missed - alarms) / (missed + alarms + right)))
    rng = np.random.default_rng(seed)
    shares = drawn(observed.mean, size, rng)
    errors = rng.dirichlet((missed + 0.5, alarms + 0.5, right + 0.5), DRAWS)
    corrected = np.clip(shares + errors[:, 0] - errors[:, 1], 0.0, 1.0)
    low, high = np.quantile(corrected, [(1 - confidence) / 2, (1 + confidence) / 2]).tolist()
    return Interval(mean, min(low, mean), max(high, mean), observed.n)
