"""Whether a retrieved text is much the same as a relevant one, by edit distance; rapidfuzz computes it."""

from collections.abc import Callable
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

from tamis.core.errors import BadSetting, MissingExtra

# More than what rounding adds to or takes from a number of characters, and far less than one of them.
_ROUNDING = 1e-6


def check_threshold(threshold: float) -> None:
    """Raises BadSetting for what is no share."""
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        raise BadSetting(f"threshold must be a number from 0 to 1, not {threshold!r}")


# Precision, recall and every step of a case compare the same texts, one after the other.
@lru_cache(maxsize=512)
def likeness(text: str, other: str, threshold: float) -> float:
    """1 - Levenshtein distance / length of the longer, in [0, 1], 1 for the same text; 0 where it is below threshold.

    What is surely too far apart is not measured to the end. Two empty texts are the same. Raises MissingExtra.
    """
    longest = max(len(text), len(other))
    most = int((1 - threshold) * longest + _ROUNDING)
    distance = _distance()(text, other, score_cutoff=most)
    if distance > most:
        return 0.0
    return (longest - distance) / longest if longest else 1.0


@cache
def _distance() -> Callable[..., int]:
    try:
        distances: Any = import_module("rapidfuzz.distance")
    except ImportError as error:
        raise MissingExtra("comparing texts by edit distance", extra="ragas") from error
    found: Callable[..., int] = distances.Levenshtein.distance
    return found
