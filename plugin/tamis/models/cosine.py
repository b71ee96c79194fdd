"""Scores passages by the similarity of their vectors to the query's."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

from tamis.core.content import Content
from tamis.core.errors import BadSetting, MediaError

from .embedder import Embedder
from .scorer import LocalScorer, checked_scores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class EmbeddingScorer(LocalScorer):
    """Log-odds from the cosine of an embedder: ``slope * (cosine - even_odds)``.

    ``even_odds`` is the cosine in [-1, 1] at which a passage is as likely relevant as not. Both defaults are only an
    order of magnitude; fit a Calibrator for probabilities to rely on. A passage with nothing in it, or with an image
    that cannot be opened, gets None; for a query with such an image ``score`` raises MediaError.
    """

    embedder: Any = None
    slope: float = 15.0
    even_odds: float = 0.5

    def __post_init__(self) -> None:
        from . import EMBEDDERS

        if not (_is_number(self.slope) and self.slope > 0):
            raise BadSetting(f"slope must be a number above 0, so that higher is better; it is {self.slope!r}")
        if not _is_number(self.even_odds):
            raise BadSetting(f"even_odds must be a number, a cosine in [-1, 1]; it is {self.even_odds!r}")
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
        vectors = embedded(embedder, [shown[i + 1] for i in usable])
        cosines = [None if vector is None else float(vector @ asked) for vector in vectors]
        values = [None if cosine is None else self.slope * (cosine - self.even_odds) for cosine in cosines]
        for i, value in zip(usable, checked_scores(values, len(usable)), strict=True):
            scores[i] = value
        return scores


def embedded(embedder: Embedder, passages: Sequence[Content]) -> "list[NDArray[np.float32] | None]":
    """The vector of each passage, shape (dimensions,); None for one with an image that cannot be opened."""
    try:
        return list(embedder.embed(passages))
    except MediaError:
        if len(passages) == 1:
            return [None]
    # The embedder does not say which one it was: halves leave the others in batches.
    middle = len(passages) // 2
    return embedded(embedder, passages[:middle]) + embedded(embedder, passages[middle:])


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and math.isfinite(value)
