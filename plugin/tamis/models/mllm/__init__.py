"""Multimodal LLMs as rerankers, run here with Transformers: exact, batched by tokens, with caches for images and KV."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .scorer import TransformersScorer

__all__ = ["TransformersScorer"]


def __getattr__(name: str) -> Any:
    if name == "TransformersScorer":
        from .scorer import TransformersScorer

        return TransformersScorer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
