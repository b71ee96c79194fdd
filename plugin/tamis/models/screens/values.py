"""The word values of SS3 (Burdisso et al. 2019): local value, significance, sanction, and what they make together."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tamis.core.errors import BadSetting


@dataclass(frozen=True)
class Smoothing:
    """The hyperparameters of SS3: ``sigma`` in (0, 1], ``significance`` (lambda) and ``sanction`` (rho) above 0."""

    sigma: float = 0.45
    significance: float = 0.5
    sanction: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.sigma <= 1:
            raise BadSetting(f"sigma must be above 0 and at most 1, not {self.sigma!r}")
        for name in ("significance", "sanction"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise BadSetting(f"{name} must be a number above 0, not {value!r}")


def local_value(count: int, most: int, sigma: float) -> float:
    """lv: how frequent a word is in a class beside the class's most frequent one; in [0, 1].

    >>> local_value(4, 16, 0.5)
    0.5
    """
    return (count / most) ** sigma if count and most else 0.0


def significances(local: Sequence[float], scale: float) -> list[float]:
    """sg: by how much a class's local value stands out among all classes'; in [0, 1].

    ``0.5 tanh(3 (lv - median) / (scale MAD) - 3) + 0.5``, with the mean absolute deviation from the median. Two
    classes have only each other: the smaller value then stands for the median and for the deviation. Where nothing
    deviates (MAD 0) a value above the median is wholly significant, any other not at all.

    >>> [round(one, 3) for one in significances([0.3, 0.2], 0.5)]
    [0.5, 0.002]
    >>> significances([0.3, 0.0], 0.5)
    [1.0, 0.0]
    """
    middle = min(local) if len(local) == 2 else median(local)
    spread = middle if len(local) == 2 else sum(abs(one - middle) for one in local) / len(local)
    if spread == 0:
        return [1.0 if one > middle else 0.0 for one in local]
    return [0.5 * math.tanh(3 * (one - middle) / (scale * spread) - 3) + 0.5 for one in local]


def sanctions(significant: Sequence[float], power: float) -> list[float]:
    """sn: 1 where a word stands out for one class alone, falling to 0 where it does so for all others; in [0, 1].

    >>> sanctions([1.0, 0.0, 0.0], 1.0)
    [1.0, 0.25, 0.25]
    """
    classes, total = len(significant), sum(significant)
    if classes < 2:
        return [1.0] * classes
    others = [max(0.0, total - one) for one in significant]
    return [(max(0.0, classes - (s + 1)) / ((classes - 1) * (s + 1))) ** power for s in others]


def global_values(counts: Sequence[int], most: Sequence[int], how: Smoothing) -> list[float]:
    """gv = lv sg sn for each class of one word; in [0, 1]. A word seen once in all counts as nothing.

    >>> global_values([9, 0], [9, 9], Smoothing())
    [1.0, 0.0]
    """
    if sum(counts) < 2:
        return [0.0] * len(counts)
    local = [local_value(count, top, how.sigma) for count, top in zip(counts, most, strict=True)]
    significant = significances(local, how.significance)
    return [lv * sg * sn for lv, sg, sn in zip(local, significant, sanctions(significant, how.sanction), strict=True)]


def class_values(
    counts: Mapping[str, Sequence[int]], how: Smoothing, most: Sequence[int] | None = None
) -> dict[str, list[float]]:
    """The global values of every term, ``counts`` in each class given, those that are 0 for all left out.

    ``most`` is the count of each class's most frequent term, None for that of these.
    """
    if not counts:
        return {}
    if most is None:
        most = [max(column) for column in zip(*counts.values(), strict=True)]
    values = {term: global_values(row, most, how) for term, row in counts.items()}
    return {term: row for term, row in values.items() if any(row)}
