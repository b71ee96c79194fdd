"""Judging a pipeline: statistics that say how sure a number is."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .stats import Interval, mean_interval, paired_difference, paired_rate_difference, rate_interval

_HOME = dict.fromkeys(
    ("Interval", "mean_interval", "paired_difference", "paired_rate_difference", "rate_interval"), "stats"
)

__all__ = ["Interval", "mean_interval", "paired_difference", "paired_rate_difference", "rate_interval"]


def __getattr__(name: str) -> Any:
    # numpy and scipy are loaded by whoever computes, not by whoever lists what is here.
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
