"""Jina and Cohere style ``/rerank``, as vLLM, SGLang, Infinity, LiteLLM and others serve it too."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tamis.models.http.flight import Reading

from .dialect import Side, Wording
from .indexed import read_rows, rows_of
from .vllm_score import part_list


@dataclass(frozen=True)
class RerankDialect:
    """``POST /rerank`` with ``query`` and ``documents``; ``results`` with ``index`` and ``relevance_score`` in [0, 1].

    The path is below the URL given: ``https://host/v1`` and ``https://host/v2`` are both right. Images are sent only
    if asked for, in vLLM's form: Jina's and Cohere's servers take text.
    """

    name: str = "rerank"
    path: str = "/rerank"
    version: str = ""
    listwise: bool = True
    images: bool = False
    scores: Literal["probability", "log-odds"] = "probability"

    def body(self, query: Side, passages: Sequence[Side], wording: Wording) -> dict[str, Any]:
        """The request that asks about these passages."""
        return {
            "model": wording.model,
            "query": part_list(query, wording),
            "documents": [part_list(passage, wording) for passage in passages],
            # Some servers give the best few unless told how many.
            "top_n": len(passages),
        }

    def read(self, answer: Any, count: int, wording: Wording, where: str) -> Reading:
        """Log-odds for so many passages, from probabilities."""
        return read_rows(rows_of(answer, "results", where), "relevance_score", count, wording.scores, where)
