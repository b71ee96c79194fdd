"""How sure a number is: seeded bootstrap intervals for means and paired differences, closed-form ones for rates."""

import math
import warnings
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tamis.core.errors import BadInput, BadSetting, MissingExtra

try:
    from scipy import special, stats  # type: ignore[import-untyped]
except ImportError as error:
    raise MissingExtra("computing intervals", extra="eval") from error

RESAMPLES = 9_999
"""Bootstrap samples: the ends of a 95% interval then rest on about 250 samples each."""

_AT_ONCE = 4_000_000
"""Numbers that one batch of bootstrap samples may hold, so that memory stays bounded for long inputs."""


class Interval(NamedTuple):
    """An estimate and its confidence interval over ``n`` values; the ends are None where one value says nothing."""

    mean: float
    low: float | None
    high: float | None
    n: int


def mean_interval(
    values: Sequence[float],
    *,
    confidence: float = 0.95,
    seed: int = 0,
    clusters: Sequence[Hashable] | None = None,
) -> Interval:
    """The mean of ``values`` with a bootstrap interval: BCa (Efron 1987), percentile where BCa is not defined.

    ``clusters`` names what values belong together (several answers to one question): whole clusters are then drawn,
    and the mean is still that of the values. The same seed gives the same interval. Where all values (or all cluster
    means) are equal the interval has no width: for rates use ``rate_interval``, which does not claim that much.
    Raises BadInput for no values, values that are not finite or clusters of another length.

    >>> mean_interval([2.0, 2.0, 2.0])
    Interval(mean=2.0, low=2.0, high=2.0, n=3)
    >>> mean_interval([5.0])
    Interval(mean=5.0, low=None, high=None, n=1)
    """
    _check_confidence(confidence)
    numbers = _finite(values)
    sums, sizes = _by_cluster(numbers, clusters)
    mean = float(numbers.mean())
    if len(sums) < 2:
        return Interval(mean, None, None, len(numbers))
    if np.ptp(sums / sizes) == 0:
        return Interval(mean, mean, mean, len(numbers))
    low, high = _bootstrap(sums, sizes, confidence, seed)
    return Interval(mean, low, high, len(numbers))


def paired_difference(
    a: Sequence[float],
    b: Sequence[float],
    *,
    confidence: float = 0.95,
    seed: int = 0,
    clusters: Sequence[Hashable] | None = None,
) -> Interval:
    """The mean of ``a - b`` with its interval, where ``a[i]`` and ``b[i]`` are two results on the same item.

    Raises BadInput when the two differ in length.

    >>> paired_difference([3.0, 5.0], [1.0, 3.0])
    Interval(mean=2.0, low=2.0, high=2.0, n=2)
    """
    if len(a) != len(b):
        raise BadInput(f"a paired difference needs as many values on both sides, not {len(a)} and {len(b)}")
    differences = (_finite(a) - _finite(b)).tolist()
    return mean_interval(differences, confidence=confidence, seed=seed, clusters=clusters)


def rate_interval(hits: int, n: int, *, confidence: float = 0.95) -> Interval:
    """A rate with its exact interval (Clopper and Pearson 1934), which has width even at 0 and 1.

    >>> low, high = rate_interval(0, 10)[1:3]
    >>> round(low, 4), round(high, 4)
    (0.0, 0.3085)
    """
    _check_confidence(confidence)
    if not 0 <= hits <= n or n < 1:
        raise BadInput(f"a rate needs 0 <= hits <= n and at least one trial, not {hits} of {n}")
    ends = stats.binomtest(hits, n).proportion_ci(confidence_level=confidence, method="exact")
    return Interval(hits / n, float(ends.low), float(ends.high), n)


def paired_rate_difference(a: Sequence[bool], b: Sequence[bool], *, confidence: float = 0.95) -> Interval:
    """The rate of ``a`` minus the rate of ``b`` on the same items (Newcombe 1998, his method 10).

    Unlike a bootstrap it has width where both sides always agree.

    >>> low, high = paired_rate_difference([False] * 20, [False] * 20)[1:3]
    >>> round(low, 4), round(high, 4)
    (-0.1611, 0.1611)
    """
    _check_confidence(confidence)
    if len(a) != len(b) or not a:
        raise BadInput(f"a paired difference needs as many values on both sides, not {len(a)} and {len(b)}")
    n = len(a)
    both = sum(x and y for x, y in zip(a, b, strict=True))
    only_a = sum(x and not y for x, y in zip(a, b, strict=True))
    only_b = sum(y and not x for x, y in zip(a, b, strict=True))
    neither = n - both - only_a - only_b
    rate_a, rate_b = (both + only_a) / n, (both + only_b) / n
    low_a, high_a = _wilson(rate_a, n, confidence)
    low_b, high_b = _wilson(rate_b, n, confidence)
    phi = _phi(both, only_a, only_b, neither)
    difference = rate_a - rate_b
    below = _hypotenuse(rate_a - low_a, high_b - rate_b, phi)
    above = _hypotenuse(high_a - rate_a, rate_b - low_b, phi)
    return Interval(difference, max(-1.0, difference - below), min(1.0, difference + above), n)


def _bootstrap(
    sums: NDArray[np.float64], sizes: NDArray[np.float64], confidence: float, seed: int
) -> tuple[float, float]:
    """Both ends of the interval of ``sum(sums) / sum(sizes)`` over resampled clusters."""

    def mean(sums: NDArray[np.float64], sizes: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        total: NDArray[np.float64] = sums.sum(axis=axis) / sizes.sum(axis=axis)
        return total

    for method in ("BCa", "percentile"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scipy says so where BCa is not defined; the result says it too
            found = stats.bootstrap(
                (sums, sizes),
                mean,
                paired=True,
                vectorized=True,
                confidence_level=confidence,
                n_resamples=RESAMPLES,
                batch=max(1, _AT_ONCE // len(sums)),
                method=method,
                rng=np.random.default_rng(seed),
            ).confidence_interval
        if math.isfinite(found.low) and math.isfinite(found.high):
            break
    return float(found.low), float(found.high)


def _by_cluster(
    values: NDArray[np.float64], clusters: Sequence[Hashable] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum and size of each cluster, both of shape (clusters,); without clusters each value is one."""
    if clusters is None:
        return values, np.ones_like(values)
    if len(clusters) != len(values):
        raise BadInput(f"{len(values)} values need as many clusters, not {len(clusters)}")
    numbers = {cluster: number for number, cluster in enumerate(dict.fromkeys(clusters))}
    of_value = np.array([numbers[cluster] for cluster in clusters])
    return np.bincount(of_value, weights=values).astype(np.float64), np.bincount(of_value).astype(np.float64)


def _wilson(rate: float, n: int, confidence: float) -> tuple[float, float]:
    """Wilson's score interval of a rate."""
    z2 = float(special.ndtri(0.5 + confidence / 2)) ** 2
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (rate * (1 - rate) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def _phi(both: int, only_a: int, only_b: int, neither: int) -> float:
    """Correlation of two yes-or-no results, with Newcombe's continuity correction; 0 where a margin is empty."""
    margins = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    if margins == 0:
        return 0.0
    product: float = both * neither - only_a * only_b
    if product > 0:
        product = max(product - (both + only_a + only_b + neither) / 2, 0.0)
    return product / math.sqrt(margins)


def _hypotenuse(a: float, b: float, phi: float) -> float:
    return math.sqrt(max(0.0, a * a - 2 * phi * a * b + b * b))


def _finite(values: Sequence[float]) -> NDArray[np.float64]:
    numbers = np.asarray(values, dtype=float)
    if numbers.ndim != 1 or not len(numbers):
        raise BadInput("an interval needs at least one value, in a flat sequence")
    if not np.isfinite(numbers).all():
        where = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise BadInput(f"value {where} is {numbers[where]}: leave out what could not be scored and count it apart")
    return numbers


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise BadSetting(f"confidence must lie in (0, 1), not {confidence}")
