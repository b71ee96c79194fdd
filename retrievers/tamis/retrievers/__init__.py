"""Retrievers: candidates from one store by meaning and by word, fused, with what each source knew about them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .embedding import TamisEmbedding
    from .fusion import calibrated, reciprocal_rank
    from .hybrid import HybridRetriever
    from .store import Store

_HOME = {
    "HybridRetriever": "hybrid",
    "Store": "store",
    "TamisEmbedding": "embedding",
    "calibrated": "fusion",
    "reciprocal_rank": "fusion",
}

__all__ = ["HybridRetriever", "Store", "TamisEmbedding", "calibrated", "reciprocal_rank"]


def __getattr__(name: str) -> Any:
    # LlamaIndex and Chroma cost seconds to import; whoever only lists what is here waits for neither.
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
