"""Multimodal LLMs as rerankers, run in this process with vLLM: its continuous batches, its caches."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .scorer import VllmScorer

__all__ = ["VllmScorer"]


def __getattr__(name: str) -> Any:
    if name == "VllmScorer":
        from .scorer import VllmScorer

        return VllmScorer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
