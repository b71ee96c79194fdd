"""How well a screen tells harmful from harmless: balanced accuracy, AUROC, F1 and coverage, each with its interval."""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tamis.core.errors import BadInput

from ..stats.interval import Interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 1_000


class ScreenScores(NamedTuple):
    """Figures in [0, 1] over the texts that got a probability; ``coverage`` is their share of all.

    ``auroc`` is the chance that a harmful text scores above a harmless one, ties counting half. None where there is
    only one label. F1 is that of the harmful class.
    """

    n: int
    coverage: Interval
    auroc: Interval | None
    balanced_accuracy: Interval | None
    f1: Interval | None
    true_positive_rate: Interval | None
    false_positive_rate: Interval | None


def screen_scores(
    harmful: Sequence[bool],
    probabilities: Sequence[float | None],
    *,
    threshold: float = 0.5,
    clusters: Sequence[Hashable] | None = None,
    seed: int = 0,
    confidence: float = 0.95,
) -> ScreenScores:
    """A screen's figures against labels; a text is stopped where P(harmful) >= ``threshold``.

    Rates have exact intervals (over clusters where those are given: texts of one template say less than as many of
    several), the others percentile bootstrap intervals over 1,000 draws of whole clusters. A text without a probability
    is counted in ``coverage`` and nowhere else. Raises BadInput for lengths that differ and for no text.

    >>> found = screen_scores([True, True, False, False], [0.9, 0.4, 0.6, None])
    >>> found.auroc.mean, found.balanced_accuracy.mean, found.coverage.mean
    (0.5, 0.25, 0.75)
    """
    import numpy as np

    from ..stats import clustered_rate_interval, rate_interval

    if len(harmful) != len(probabilities) or not harmful:
        raise BadInput(f"{len(harmful)} labels and {len(probabilities)} probabilities; as many are needed, and some")
    given = list(range(len(harmful))) if clusters is None else list(clusters)
    if len(given) != len(harmful):
        raise BadInput(f"{len(harmful)} labels need as many clusters, not {len(given)}")
    kept = [at for at, one in enumerate(probabilities) if one is not None]
    coverage = rate_interval(len(kept), len(harmful), confidence=confidence)
    labels = np.array([bool(harmful[at]) for at in kept])
    values = np.array([float(probabilities[at] or 0.0) for at in kept])
    own = [given[at] for at in kept]
    rates = []
    for label in (True, False):
        mine = [at for at in range(len(kept)) if labels[at] == label]
        stopped = [bool(values[at] >= threshold) for at in mine]
        chosen = [own[at] for at in mine]
        rates.append(clustered_rate_interval(stopped, chosen, confidence=confidence) if mine else None)
    if rates[0] is None or rates[1] is None:
        return ScreenScores(len(harmful), coverage, None, None, None, rates[0], rates[1])
    numbers = {name: number for number, name in enumerate(dict.fromkeys(own))}
    of = np.array([numbers[name] for name in own])
    rng = np.random.default_rng(seed)
    ones = np.ones(len(kept))
    point = _figures(labels, values, values >= threshold, ones)
    drawn = []
    for _ in range(RESAMPLES if len(numbers) > 1 else 0):
        weights = np.bincount(rng.integers(len(numbers), size=len(numbers)), minlength=len(numbers))[of].astype(float)
        if weights[labels].sum() and weights[~labels].sum():
            drawn.append(_figures(labels, values, values >= threshold, weights))
    tail = (1 - confidence) / 2
    found = []
    for place, mean in enumerate(point):
        if drawn:
            low, high = np.quantile([one[place] for one in drawn], [tail, 1 - tail]).tolist()
            found.append(Interval(mean, min(low, mean), max(high, mean), len(kept)))
        else:
            found.append(Interval(mean, None, None, len(kept)))
    return ScreenScores(len(harmful), coverage, *found, *rates)


def _figures(
    labels: "NDArray[np.bool_]",
    values: "NDArray[np.float64]",
    stopped: "NDArray[np.bool_]",
    weights: "NDArray[np.float64]",
) -> tuple[float, float, float]:
    """AUROC, balanced accuracy and F1 with each text counted ``weights`` times."""
    positive, negative = float(weights[labels].sum()), float(weights[~labels].sum())
    hit, alarm = float(weights[labels & stopped].sum()), float(weights[~labels & stopped].sum())
    balanced = (hit / positive + 1 - alarm / negative) / 2
    f1 = 2 * hit / (positive + hit + alarm)
    return auroc(labels, values, weights), balanced, f1


def auroc(labels: "NDArray[np.bool_]", values: "NDArray[np.float64]", weights: "NDArray[np.float64]") -> float:
    """The chance that a positive lies above a negative, ties counting half, with each counted ``weights`` times."""
    import numpy as np

    distinct, place = np.unique(values, return_inverse=True)
    positive = np.bincount(place, weights=weights * labels, minlength=len(distinct))
    negative = np.bincount(place, weights=weights * ~labels, minlength=len(distinct))
    below = np.cumsum(negative) - negative
    return float((positive * (below + negative / 2)).sum() / (positive.sum() * negative.sum()))
