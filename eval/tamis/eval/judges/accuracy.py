"""How often verdicts are right: sensitivity, specificity, balanced accuracy, AUROC, F1, precision, with intervals."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tamis.core.errors import BadInput

from ..stats import Interval, clustered_rate_interval, rate_interval
from ..stats.arithmetic import checked_confidence

THRESHOLD = 0.5
"""From this P on a claim counts as supported."""
DRAWS = 1000
_AT_ONCE = 4_000_000

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Accuracy:
    """Over claims with a verdict: "positive" is supported. None where there is no such claim.

    ``sensitivity``: share of supported claims taken for supported. ``specificity``: share of unsupported ones taken for
    unsupported. ``balanced_accuracy``: their mean. ``auroc``: the chance that a supported claim has a higher P than an
    unsupported one, ties half. ``f1_unsupported``, ``precision_unsupported``, ``precision_supported``: of the verdicts.
    All in [0, 1], higher is better. Pairs of one group count as drawn together.
    """

    sensitivity: Interval | None
    specificity: Interval | None
    balanced_accuracy: Interval | None
    auroc: Interval | None
    f1_unsupported: Interval | None
    precision_supported: Interval | None
    precision_unsupported: Interval | None


def accuracy(
    probabilities: Sequence[float],
    supported: Sequence[bool],
    groups: Sequence[str],
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> Accuracy:
    """The accuracy of verdicts on labelled claims.

    Rates have the exact interval of their effective number, balanced accuracy that of two independent rates (Zou and
    Donner 2008), AUROC and F1 a bootstrap over groups; where all draws agree, that of a rate of as many cases.

    >>> found = accuracy([0.9, 0.8, 0.3, 0.1], [True, True, False, True], ["a", "b", "c", "d"])
    >>> round(found.sensitivity.mean, 3), found.specificity.mean, round(found.auroc.mean, 3)
    (0.667, 1.0, 0.667)
    """
    checked_confidence(confidence)
    if not len(probabilities) == len(supported) == len(groups):
        raise BadInput(f"{len(probabilities)} verdicts need as many labels and groups")
    values, truth = np.asarray(probabilities, dtype=float), np.asarray(supported, dtype=bool)
    said = values >= THRESHOLD

    def rate(hit: NDArray[np.bool_], among: NDArray[np.bool_]) -> Interval | None:
        chosen = np.flatnonzero(among).tolist()
        if not chosen:
            return None
        return clustered_rate_interval(hit[chosen].tolist(), [groups[at] for at in chosen], confidence=confidence)

    sensitivity, specificity = rate(said, truth), rate(~said, ~truth)
    boot = _Bootstrap(groups, confidence, seed)
    both = bool(truth.any() and not truth.all())
    few = int(min(truth.sum(), (~truth).sum()))
    return Accuracy(
        sensitivity,
        specificity,
        _mean_of(sensitivity, specificity),
        boot.interval(lambda weights: _auroc(values, truth, weights), few) if both else None,
        boot.interval(lambda weights: _f1(~said, ~truth, weights), few) if both else None,
        rate(truth, said),
        rate(~truth, ~said),
    )


def auroc(probabilities: Sequence[float], supported: Sequence[bool]) -> float:
    """The chance that a supported claim has a higher P than an unsupported one; ties count half.

    >>> auroc([0.9, 0.4, 0.4], [True, True, False])
    0.75
    """
    truth = np.asarray(supported, dtype=bool)
    if truth.all() or not truth.any():
        raise BadInput("AUROC needs supported and unsupported claims")
    return float(_auroc(np.asarray(probabilities, dtype=float), truth, np.ones((1, len(truth))))[0])


def _mean_of(a: Interval | None, b: Interval | None) -> Interval | None:
    if a is None or b is None:
        return None
    mean, n = (a.mean + b.mean) / 2, a.n + b.n
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return Interval(mean, None, None, n)
    below = math.hypot(a.mean - a.low, b.mean - b.low) / 2
    above = math.hypot(a.high - a.mean, b.high - b.mean) / 2
    return Interval(mean, max(0.0, mean - below), min(1.0, mean + above), n)


@dataclass(frozen=True)
class _Bootstrap:
    groups: Sequence[str]
    confidence: float
    seed: int

    def interval(self, statistic: Callable[[Matrix], Matrix], few: int) -> Interval:
        """The statistic of all and of resamples of groups; ``statistic`` takes weights of shape (draws, cases)."""
        n = len(self.groups)
        mean = float(statistic(np.ones((1, n)))[0])
        names = {name: at for at, name in enumerate(dict.fromkeys(self.groups))}
        of = np.array([names[name] for name in self.groups])
        if len(names) < 2:
            return Interval(mean, None, None, n)
        rng = np.random.default_rng(self.seed)
        found: list[float] = []
        step = max(1, _AT_ONCE // n)
        while len(found) < DRAWS:
            size = min(step, DRAWS - len(found))
            drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=size)
            found += statistic(drawn[:, of].astype(float)).tolist()
        kept = [value for value in found if math.isfinite(value)]
        tail = (1 - self.confidence) / 2
        low, high = np.quantile(kept, [tail, 1 - tail]).tolist() if kept else (mean, mean)
        if high - low < 1e-12:
            # All draws agree: as sure as a rate of so many cases can be, and no surer.
            sure = rate_interval(round(mean * few), few, confidence=self.confidence)
            low, high = sure.low or 0.0, 1.0 if sure.high is None else sure.high
        return Interval(mean, min(low, mean), max(high, mean), n)


def _auroc(values: Matrix, truth: NDArray[np.bool_], weights: Matrix) -> Matrix:
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], np.diff(values[order]) > 0]))
    sorted_weights = weights[:, order]
    good = np.add.reduceat(sorted_weights * truth[order], starts, axis=1)
    bad = np.add.reduceat(sorted_weights * ~truth[order], starts, axis=1)
    below = np.cumsum(bad, axis=1) - bad
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Matrix = (good * (below + bad / 2)).sum(axis=1) / (good.sum(axis=1) * bad.sum(axis=1))
    return found


def _f1(said: NDArray[np.bool_], truth: NDArray[np.bool_], weights: Matrix) -> Matrix:
    hits = weights @ (said & truth)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Matrix = 2 * hits / (weights @ said.astype(float) + weights @ truth.astype(float))
    return found
