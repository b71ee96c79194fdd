"""Strengths as attacks read them: a number of things, or a share of things."""

import math

from tamis.core.errors import BadSetting


def whole(strength: float, unit: str) -> int:
    """A strength that counts. Raises BadSetting for less than 0 and for what is no whole number.

    >>> whole(5.0, "planted passages")
    5
    """
    if not math.isfinite(strength) or strength < 0 or strength != int(strength):
        raise BadSetting(f"a strength in {unit} must be a whole number of at least 0, not {strength!r}")
    return int(strength)


def share(strength: float, unit: str) -> float:
    """A strength that is a share. Raises BadSetting outside [0, 1]."""
    if not 0 <= strength <= 1:
        raise BadSetting(f"a strength in {unit} must be from 0 to 1, not {strength!r}")
    return float(strength)


def part_of(strength: float, total: int) -> int:
    """How many of ``total`` a share is, rounded to the nearest, halves up.

    >>> part_of(0.2, 5), part_of(0.5, 3), part_of(0.1, 4)
    (1, 2, 0)
    """
    return math.floor(strength * total + 0.5 + 1e-9)
