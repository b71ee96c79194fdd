"""SciPy's special functions, or the line that installs them; and what every computation checks first."""

import math
import sys
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from tamis.core.errors import BadInput, BadSetting, MissingExtra

try:
    from scipy import special  # type: ignore[import-untyped]
except ImportError as error:
    raise MissingExtra("computing intervals", extra="eval") from error

__all__ = ["by_cluster", "checked_confidence", "finite", "pairs", "quantile_of_normal", "scaled", "special", "unscaled"]


def finite(values: Sequence[float]) -> NDArray[np.float64]:
    """The values as an array of shape (n,). Raises BadInput for none, and for what is not a finite number."""
    numbers = np.asarray(values, dtype=float)
    if numbers.ndim != 1 or not len(numbers):
        raise BadInput("an interval needs at least one value, in a flat sequence")
    if not np.isfinite(numbers).all():
        where = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise BadInput(f"value {where} is {numbers[where]}: leave out what could not be scored and count it apart")
    return numbers


def pairs(a: Sequence[float], b: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both sides of a paired comparison. Raises BadInput when they differ in length or hold no finite numbers."""
    if len(a) != len(b):
        raise BadInput(f"a paired difference needs as many values on both sides, not {len(a)} and {len(b)}")
    return finite(a), finite(b)


def scaled(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """The values by a power of two within [-1, 1], and its exponent: nothing is rounded, and no square overflows.

    >>> scaled(np.array([3.0, 4.0]))[1]
    3
    """
    exponent = math.frexp(float(np.abs(values).max()))[1]
    return np.ldexp(values, -exponent), exponent


def unscaled(number: float, exponent: int) -> float:
    """The number that ``scaled`` had by this exponent; the largest there is where it is beyond that."""
    try:
        return math.ldexp(number, exponent)
    except OverflowError:
        return math.copysign(sys.float_info.max, number)


def by_cluster(
    values: NDArray[np.float64], clusters: Sequence[Hashable] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum and size of each cluster, both of shape (clusters,); without clusters each value is one."""
    if clusters is None:
        return values, np.ones_like(values)
    if len(clusters) != len(values):
        raise BadInput(f"{len(values)} values need as many clusters, not {len(clusters)}")
    numbers = {cluster: number for number, cluster in enumerate(dict.fromkeys(clusters))}
    if len(numbers) == len(values):
        return values, np.ones_like(values)
    of_value = np.array([numbers[cluster] for cluster in clusters])
    return np.bincount(of_value, weights=values).astype(np.float64), np.bincount(of_value).astype(np.float64)


def checked_confidence(confidence: float) -> None:
    """Raises BadSetting unless it lies in (0, 1)."""
    if not 0 < confidence < 1:
        raise BadSetting(f"confidence must lie in (0, 1), not {confidence}")


def quantile_of_normal(confidence: float) -> float:
    """How many standard errors a two-sided interval of this confidence reaches.

    >>> round(quantile_of_normal(0.95), 4)
    1.96
    """
    checked_confidence(confidence)
    return float(special.ndtri(0.5 + confidence / 2))
