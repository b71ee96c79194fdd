"""Rates and differences of rates: closed-form intervals that have width even where every case agrees."""

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from tamis.core.errors import BadInput

from .arithmetic import by_cluster, checked_confidence, finite, quantile_of_normal, special
from .interval import Interval


def rate_interval(hits: int, n: int, *, confidence: float = 0.95) -> Interval:
    """A rate with its exact interval (Clopper and Pearson 1934), which has width even at 0 and 1.

    >>> low, high = rate_interval(0, 10)[1:3]
    >>> round(low, 4), round(high, 4)
    (0.0, 0.3085)
    """
    _checked(hits, n, confidence)
    return Interval(hits / n, *_exact(hits, n, confidence), n)


def wilson_interval(hits: int, n: int, *, confidence: float = 0.95) -> Interval:
    """A rate with Wilson's score interval (1927): narrower than the exact one, and right on average, not always.

    >>> low, high = wilson_interval(0, 10)[1:3]
    >>> round(low, 4), round(high, 4)
    (0.0, 0.2775)
    """
    _checked(hits, n, confidence)
    return Interval(hits / n, *_wilson(hits / n, n, confidence), n)


def clustered_rate_interval(
    hits: Sequence[bool], clusters: Sequence[Hashable], *, confidence: float = 0.95
) -> Interval:
    """A rate over cases that belong together, with the exact interval of their effective number (Korn, Graubard 1998).

    Several questions about one document say less than as many about several. Without shared clusters it is
    ``rate_interval``; where all cases agree, each cluster counts for one.

    >>> low, high = clustered_rate_interval([False] * 30, [n // 3 for n in range(30)])[1:3]
    >>> round(low, 4), round(high, 4)
    (0.0, 0.3085)
    """
    checked_confidence(confidence)
    values = finite([float(hit) for hit in hits])
    rate, n = math.fsum(values) / len(values), len(values)
    size = _independent(values - rate, clusters, rate * (1 - rate), confidence)
    if size is None:
        return Interval(rate, None, None, n)
    return Interval(rate, *_exact(rate * size, size, confidence), n)


def paired_rate_difference(
    a: Sequence[bool],
    b: Sequence[bool],
    *,
    confidence: float = 0.95,
    clusters: Sequence[Hashable] | None = None,
) -> Interval:
    """The rate of ``a`` minus the rate of ``b`` on the same items (Newcombe 1998, his method 10).

    Unlike a bootstrap it has width where both sides always agree. ``clusters`` names items that belong together: they
    then count for as many independent ones as their differences show.

    >>> low, high = paired_rate_difference([False] * 20, [False] * 20)[1:3]
    >>> round(low, 4), round(high, 4)
    (-0.1611, 0.1611)
    """
    checked_confidence(confidence)
    if len(a) != len(b) or not a:
        raise BadInput(f"a paired difference needs as many values on both sides, not {len(a)} and {len(b)}")
    n = len(a)
    both = sum(1 for x, y in zip(a, b, strict=True) if x and y)
    only_a = sum(1 for x, y in zip(a, b, strict=True) if x and not y)
    only_b = sum(1 for x, y in zip(a, b, strict=True) if y and not x)
    rate_a, rate_b = (both + only_a) / n, (both + only_b) / n
    difference = (only_a - only_b) / n
    size: float | None = n
    if clusters is not None:
        gaps = np.array([float(bool(x)) - float(bool(y)) for x, y in zip(a, b, strict=True)]) - difference
        size = _independent(gaps, clusters, (only_a + only_b) / n - difference**2, confidence)
    if size is None:
        return Interval(difference, None, None, n)
    low_a, high_a = _wilson(rate_a, size, confidence)
    low_b, high_b = _wilson(rate_b, size, confidence)
    phi = _phi(*(count * size / n for count in (both, only_a, only_b, n - both - only_a - only_b)))
    below = _hypotenuse(rate_a - low_a, high_b - rate_b, phi)
    above = _hypotenuse(high_a - rate_a, rate_b - low_b, phi)
    return Interval(difference, max(-1.0, difference - below), min(1.0, difference + above), n)


def _independent(
    gaps: NDArray[np.float64], clusters: Sequence[Hashable], variance: float, confidence: float
) -> float | None:
    """As many independent items as these say as much as; None for a single cluster.

    ``gaps`` are the values less their mean, ``variance`` theirs. Where all values are equal, clusters are counted.
    """
    sums, _ = by_cluster(gaps, clusters)
    n, groups = len(gaps), len(sums)
    if groups == n:
        return n
    if groups < 2:
        return None
    spread = groups / (groups - 1) * float((sums**2).sum()) / n**2
    if spread <= 0 or variance <= 0:
        return groups
    level = 0.5 + confidence / 2
    few = float(special.stdtrit(n - 1, level) / special.stdtrit(groups - 1, level)) ** 2
    return min(float(n), max(1.0, variance / spread * few))


def _exact(hits: float, n: float, confidence: float) -> tuple[float, float]:
    """Clopper's and Pearson's interval, for whole numbers and for effective ones."""
    tail = (1 - confidence) / 2
    low = 0.0 if hits <= 0 else float(special.betaincinv(hits, n - hits + 1, tail))
    high = 1.0 if hits >= n else float(special.betaincinv(hits + 1, n - hits, 1 - tail))
    return low, high


def _wilson(rate: float, n: float, confidence: float) -> tuple[float, float]:
    """Wilson's score interval of a rate."""
    z2 = quantile_of_normal(confidence) ** 2
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (rate * (1 - rate) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def _phi(both: float, only_a: float, only_b: float, neither: float) -> float:
    """Correlation of two yes-or-no results, with Newcombe's continuity correction; 0 where a margin is empty."""
    margins = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    if margins == 0:
        return 0.0
    product = both * neither - only_a * only_b
    if product > 0:
        product = max(product - (both + only_a + only_b + neither) / 2, 0.0)
    return product / math.sqrt(margins)


def _hypotenuse(a: float, b: float, phi: float) -> float:
    return math.sqrt(max(0.0, a * a - 2 * phi * a * b + b * b))


def _checked(hits: int, n: int, confidence: float) -> None:
    checked_confidence(confidence)
    if not 0 <= hits <= n or n < 1:
        raise BadInput(f"a rate needs 0 <= hits <= n and at least one trial, not {hits} of {n}")
