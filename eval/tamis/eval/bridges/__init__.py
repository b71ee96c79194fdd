"""Other libraries' metrics over our traces, and ours inside theirs. Today: ragas, in the extra of that name."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .ragas_inside import in_ragas
    from .ragas_metric import RagasMetric

_HOME = {"RagasMetric": "ragas_metric", "in_ragas": "ragas_inside"}

__all__ = ["RagasMetric", "in_ragas"]


def __getattr__(name: str) -> Any:
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
