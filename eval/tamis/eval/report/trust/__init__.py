"""The page of trust: six dimensions with intervals, each beside what it helped, and what was not measured."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .six import Standing, Trust, trust_of
    from .written import read_trust, write_trust

_HOME = {"Standing": "six", "Trust": "six", "read_trust": "written", "trust_of": "six", "write_trust": "written"}

__all__ = ["Standing", "Trust", "read_trust", "trust_of", "write_trust"]


def __getattr__(name: str) -> Any:
    # numpy is loaded by whoever computes, not by whoever lists what is here.
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
