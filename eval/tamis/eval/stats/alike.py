"""Values that are all the same: told apart from rounding, and what they say of a mean."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from .arithmetic import by_cluster, checked_confidence, finite
from .interval import Interval

_ROUNDING = 1e-12


def all_alike(
    values: Sequence[float], clusters: Sequence[Hashable] | None = None, *, size: float | None = None
) -> bool:
    """Whether all values, or the means of all clusters, are the same but for rounding.

    ``size`` is how large the numbers were that the values are computed from; without it, that of the largest value.

    >>> all_alike([0.1, 0.1, 0.1, 0.1], ["a", "a", "a", "b"]), all_alike([0.1, 0.2])
    (True, False)
    """
    numbers = finite(values)
    largest = float(np.abs(numbers).max())
    if largest == 0:
        return True
    sums, sizes = by_cluster(numbers / largest, clusters)
    return means_alike(sums / sizes, 1.0 if size is None else size / largest)


def means_alike(means: NDArray[np.float64], size: float = 1.0) -> bool:
    """Whether means of values of this size are the same but for rounding; of shape (clusters,)."""
    return float(np.ptp(means)) <= _ROUNDING * size


def alike_interval(
    value: float, n: int, *, groups: int, within: tuple[float, float] | None, confidence: float = 0.95
) -> Interval:
    """The mean of ``n`` values that are all ``value``, in so many independent groups, with its interval.

    How often others are that value is known from the groups (Clopper and Pearson 1934); when they are not, they may lie
    anywhere ``within``. For 0 and 1 within [0, 1] it is the exact interval of the rate. Without bounds, and for one
    group, nothing is known of the others: the ends are None.

    >>> low, high = alike_interval(0.0, 20, groups=10, within=(0.0, 1.0))[1:3]
    >>> round(low, 4), round(high, 4)
    (0.0, 0.3085)
    >>> alike_interval(7.0, 20, groups=20, within=None)
    Interval(mean=7.0, low=None, high=None, n=20)
    """
    checked_confidence(confidence)
    if within is None or groups < 2:
        return Interval(value, None, None, n)
    same = ((1 - confidence) / 2) ** (1 / groups)
    low, high = (same * value + (1 - same) * end for end in within)
    return Interval(value, min(low, value), max(high, value), n)
