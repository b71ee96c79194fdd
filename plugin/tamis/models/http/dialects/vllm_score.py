"""vLLM's ``/score``: text, or lists of text and images, on both sides."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tamis.models.http.flight import Reading

from .dialect import Side, Wording
from .indexed import read_rows, rows_of


@dataclass(frozen=True)
class VllmScoreDialect:
    """``POST /score`` with ``text_1`` and ``text_2``; ``data`` with ``index`` and ``score``.

    The scores are probabilities. With ``scores="log-odds"`` the server is asked for its logits (``use_activation``),
    which do not run into 1.0 in single precision.
    """

    name: str = "vllm-score"
    path: str = "/score"
    version: str = ""
    listwise: bool = True
    images: bool = True
    scores: Literal["probability", "log-odds"] = "probability"

    def body(self, query: Side, passages: Sequence[Side], wording: Wording) -> dict[str, Any]:
        """The request that asks about these passages."""
        body: dict[str, Any] = {
            "model": wording.model,
            "text_1": part_list(query, wording),
            "text_2": [part_list(passage, wording) for passage in passages],
        }
        if wording.scores == "log-odds":
            body["use_activation"] = False
        if wording.instruction is not None:
            body["instruction"] = wording.instruction
        return body

    def read(self, answer: Any, count: int, wording: Wording, where: str) -> Reading:
        """Log-odds for so many passages."""
        return read_rows(rows_of(answer, "data", where), "score", count, wording.scores, where)


def part_list(side: Side, wording: Wording) -> str | dict[str, Any]:
    """One side: its text, or with images ``{"content": [...]}``, images first."""
    if not side.images:
        return side.text
    parts: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": wording.uris[image]}} for image in side.images
    ]
    if side.text.strip():
        parts.append({"type": "text", "text": side.text})
    return {"content": parts}
