"""Hugging Face's Text Embeddings Inference: ``/rerank`` with raw scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tamis.models.http.flight import Reading

from .dialect import Side, Wording
from .indexed import read_rows, rows_of


@dataclass(frozen=True)
class TeiDialect:
    """``POST /rerank`` with ``query`` and ``texts``; a list with ``index`` and ``score``, asked for as raw logits.

    Text only. The server cuts texts that are too long for its model.
    """

    name: str = "tei"
    path: str = "/rerank"
    version: str = ""
    listwise: bool = True
    images: bool = False
    scores: Literal["probability", "log-odds"] = "log-odds"

    def body(self, query: Side, passages: Sequence[Side], wording: Wording) -> dict[str, Any]:
        """The request that asks about these passages."""
        return {
            "query": query.text,
            "texts": [passage.text for passage in passages],
            "raw_scores": wording.scores == "log-odds",
            "truncate": True,
        }

    def read(self, answer: Any, count: int, wording: Wording, where: str) -> Reading:
        """Log-odds for so many passages."""
        return read_rows(rows_of(answer, None, where), "score", count, wording.scores, where)
