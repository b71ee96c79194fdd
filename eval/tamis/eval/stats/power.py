"""How small a difference a run of this size could have shown."""

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from tamis.core.errors import BadInput, BadSetting

from .arithmetic import by_cluster, checked_confidence, finite, scaled, special, unscaled


class Spread(NamedTuple):
    """How differences scatter: ``n`` independent ones with this standard deviation."""

    n: int
    deviation: float


def spread_of(differences: Sequence[float], *, clusters: Sequence[Hashable] | None = None) -> Spread:
    """The standard deviation of paired differences, and how many there are; with clusters, of as many clusters.

    The standard error of the mean is then ``deviation / sqrt(n)`` in both cases. For a single one it is 0.

    >>> spread_of([1.0, 3.0, 1.0, 3.0])
    Spread(n=4, deviation=1.1547005383792515)
    """
    values, exponent = scaled(finite(differences))
    sums, _ = by_cluster(values - values.mean(), clusters)
    groups = len(sums)
    if groups < 2:
        return Spread(groups, 0.0)
    error = math.sqrt(groups / (groups - 1) * math.fsum(sums**2)) / len(values)
    return Spread(groups, unscaled(error * math.sqrt(groups), exponent))


def smallest_detectable_difference(
    n: int, deviation: float, *, confidence: float = 0.95, power: float = 0.8
) -> float | None:
    """The mean paired difference that a two-sided t-test on ``n`` pairs finds with this power; in the values' unit.

    ``deviation`` is the standard deviation of the differences (see ``spread_of``). None for fewer than two pairs, and
    where nothing scatters: differences that are all the same do not say how different others would be.

    >>> round(smallest_detectable_difference(100, 0.5), 3)
    0.141
    """
    checked_confidence(confidence)
    if not 0 < power < 1:
        raise BadSetting(f"power must lie in (0, 1), not {power}")
    if n < 0 or not math.isfinite(deviation) or deviation < 0:
        raise BadInput(f"a spread needs n >= 0 and a finite deviation >= 0, not {n} and {deviation}")
    if n < 2 or deviation == 0:
        return None
    # The noncentral t distribution that lies with this power beyond the quantile at which the test rejects.
    beyond = float(special.nctdtrinc(n - 1, 1 - power, special.stdtrit(n - 1, 0.5 + confidence / 2)))
    return deviation * beyond / math.sqrt(n)
