"""An estimate and how far it may be off."""

from typing import NamedTuple


class Interval(NamedTuple):
    """An estimate and its confidence interval over ``n`` values; the ends are None where one value says nothing."""

    mean: float
    low: float | None
    high: float | None
    n: int
