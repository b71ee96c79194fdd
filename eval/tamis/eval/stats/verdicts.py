"""What may be said of a number: one of a few words, and never more than the data carry."""

import math
from typing import Literal, get_args

from tamis.core.errors import BadInput, BadSetting

from .interval import Interval

Verdict = Literal["better", "worse", "indistinguishable", "not enough data"]
BoundVerdict = Literal["pass", "fail", "not enough data"]
Bound = Literal["<", "<=", ">", ">="]


def verdict(
    difference: Interval,
    p: float | None = None,
    *,
    higher_is_better: bool | None,
    least: int = 10,
    confidence: float = 0.95,
    groups: int | None = None,
) -> Verdict:
    """What a paired difference comes to.

    "not enough data" for no interval, and for fewer than ``least`` pairs, or ``groups`` where pairs belong together.
    "indistinguishable" where the interval covers 0, where ``p`` (adjusted for how many were looked at) is above
    ``1 - confidence``, or where no direction is better.

    >>> verdict(Interval(-0.2, -0.3, -0.1, 200), 0.001, higher_is_better=True)
    'worse'
    >>> verdict(Interval(-0.2, -0.3, -0.1, 200), 0.08, higher_is_better=True)
    'indistinguishable'
    """
    if p is not None and not 0 <= p <= 1:
        raise BadInput(f"a p-value lies in [0, 1], not {p}")
    if (difference.n if groups is None else groups) < least or difference.low is None or difference.high is None:
        return "not enough data"
    covers = difference.low <= 0 <= difference.high
    # A hair of room, because 1 - 0.95 is not 0.05.
    by_chance = p is not None and p > 1 - confidence + 1e-12
    if covers or by_chance or higher_is_better is None:
        return "indistinguishable"
    return "better" if (difference.mean > 0) == higher_is_better else "worse"


def bound_holds(
    interval: Interval | None,
    op: Bound,
    bound: float,
    *,
    least: int = 1,
    coverage: float = 1.0,
    least_coverage: float = 0.0,
) -> BoundVerdict:
    """Whether a number keeps its bound for certain: the whole interval does, or none of it, or the data do not say.

    ``coverage`` is the share of cases that were scored. Fewer than ``least`` values or less coverage than
    ``least_coverage`` is "not enough data" whatever the interval. Too little data is not a pass.

    >>> bound_holds(Interval(0.02, 0.0, 0.07, 120), "<", 0.1)
    'pass'
    >>> bound_holds(Interval(0.05, 0.01, 0.2, 30), "<", 0.1)
    'not enough data'
    """
    if op not in get_args(Bound):
        raise BadSetting(f'a bound is one of {", ".join(get_args(Bound))}, not "{op}"')
    if not math.isfinite(bound):
        raise BadSetting(f"a bound is a finite number, not {bound}")
    if interval is None or interval.low is None or interval.high is None:
        return "not enough data"
    if interval.n < least or coverage < least_coverage:
        return "not enough data"
    low, high = interval.low, interval.high
    if op in (">", ">="):
        low, high, bound = -high, -low, -bound
    strict = op in ("<", ">")
    if high < bound or (high == bound and not strict):
        return "pass"
    if low > bound or (low == bound and strict):
        return "fail"
    return "not enough data"
