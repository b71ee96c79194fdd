"""The settings of a hybrid retriever, checked when it is made: each function raises BadSetting or gives them back."""

import math
import numbers
from collections.abc import Callable, Mapping
from typing import TypeVar

from tamis.core.errors import BadSetting

T = TypeVar("T")
SOURCES = ("dense", "bm25", "image")


def at_least_one(name: str, value: int) -> int:
    """A whole number of at least 1.

    >>> at_least_one("similarity_top_k", 50)
    50
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadSetting(f"{name} is {value!r}; it must be a whole number of at least 1")
    return value


def not_negative(name: str, value: float) -> float:
    """A finite number of at least 0.

    >>> not_negative("rrf_k", 60)
    60.0
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not (math.isfinite(value) and value >= 0):
        raise BadSetting(f"{name} is {value!r}; it must be a number of 0 or more")
    return float(value)


def checked_weights(weights: Mapping[str, float] | None, sees_images: Callable[[], bool]) -> dict[str, float]:
    """Weights by source, at least one of them above 0 among the sources that the embedder has; 1 where none is given.

    >>> checked_weights({"dense": 0.5}, sees_images=lambda: False)
    {'dense': 0.5}
    """
    checked = {
        source: not_negative(f'the weight of "{source}"', weight)
        for source, weight in known_sources("weights", weights).items()
    }
    counts = any(checked.get(source, 1.0) for source in ("dense", "bm25"))
    # The embedder is asked last: it may have to load its model to tell.
    if not counts and not (checked.get("image", 1.0) and sees_images()):
        raise BadSetting("all weights are 0; at least one source must count, images only where the embedder sees them")
    return checked


def checked_calibrations(
    calibrations: Mapping[str, Callable[[float], float]] | None,
) -> dict[str, Callable[[float], float]]:
    """Functions by source.

    >>> checked_calibrations(None)
    {}
    """
    checked = known_sources("calibrations", calibrations)
    for source, calibration in checked.items():
        if not callable(calibration):
            raise BadSetting(
                f'the calibration of "{source}" is {calibration!r}; it must be a function of the raw score'
            )
    return checked


def known_sources(setting: str, given: Mapping[str, T] | None) -> dict[str, T]:
    """What is given for each source, by its name."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise BadSetting(f"{setting} is {given!r}; it must be a mapping by source, such as {{'dense': ...}}")
    for source in given:
        if source not in SOURCES:
            raise BadSetting(f'{setting} has no source "{source}"; known: {", ".join(SOURCES)}')
    return dict(given)
