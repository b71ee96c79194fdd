"""Scores passages by the similarity of their vectors to the query's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tamis.core.content import Content
from tamis.core.errors import BadSetting

from .embedder import Embedder
from .scorer import LocalScorer, checked_scores


@dataclass(frozen=True)
class EmbeddingScorer(LocalScorer):
    """Log-odds from the cosine of an embedder: ``slope * (cosine - even_odds)``.

    ``even_odds`` is the cosine in [-1, 1] at which a passage is as likely relevant as not. Both defaults are only an
    order of magnitude; fit a Calibrator for probabilities to rely on. A passage with nothing in it gets None.
    """

    embedder: Any = None
    slope: float = 15.0
    even_odds: float = 0.5

    def __post_init__(self) -> None:
        from . import EMBEDDERS

        if not self.slope > 0:
            raise BadSetting(f"slope must be above 0, so that higher is better; it is {self.slope}")
        object.__setattr__(self, "embedder", EMBEDDERS.build(self.embedder or "sentence-transformers"))

    def settings(self) -> dict[str, Any]:
        """Its settings as JSON."""
        from . import EMBEDDERS

        return {"embedder": EMBEDDERS.spec(self.embedder), "slope": self.slope, "even_odds": self.even_odds}

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        """Log-odds of "relevant"; images count where the embedder sees them."""
        embedder: Embedder = self.embedder
        scores: list[float | None] = [None] * len(passages)
        sees = "image" in embedder.modalities
        shown = [Content(one.text, one.images if sees else ()) for one in (query, *passages)]
        usable = [i for i, passage in enumerate(shown[1:]) if passage]
        if not usable or not shown[0]:
            return scores
        asked = embedder.embed([shown[0]], "query")[0]
        cosines = embedder.embed([shown[i + 1] for i in usable]) @ asked
        values = checked_scores((self.slope * (cosines.astype(float) - self.even_odds)).tolist(), len(usable))
        for i, value in zip(usable, values, strict=True):
            scores[i] = value
        return scores
