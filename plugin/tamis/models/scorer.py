"""The one seam for relevance models: a scorer says how relevant each passage is to a query."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from tamis.core.content import Content
from tamis.core.errors import ScorerError
from tamis.core.threads import in_thread


@runtime_checkable
class Scorer(Protocol):
    """Scores passages by log-odds of "relevant": one for each, in order, higher is better, 0 is even odds.

    ``None`` means that a passage could not be scored; it is never NaN and never 0 for "unknown".
    """

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]: ...

    async def ascore(self, query: Content, passages: Sequence[Content]) -> list[float | None]: ...


class Hit(NamedTuple):
    """What one retrieval source found out about one passage.

    ``score`` is the source's raw score; ``rank`` counts from 1 within that source's own list, None when the
    passage was not on it; ``ceiling`` is the highest score any passage could have reached for this query;
    ``model`` names what made the score, such as the embedder.
    """

    score: float | None
    rank: int | None = None
    ceiling: float | None = None
    model: str | None = None


Evidence = Mapping[str, Hit]
"""All hits of one passage by source: "dense", "bm25", "image"."""


@runtime_checkable
class EvidenceAware(Protocol):
    """A scorer that can use what retrieval already knows about each passage instead of finding it out again."""

    def score_evidence(
        self, query: Content, passages: Sequence[Content], evidence: Sequence[Evidence]
    ) -> list[float | None]: ...


class LocalScorer(ABC):
    """A scorer that computes on this machine: write ``score``, and ``ascore`` runs it off the event loop."""

    @abstractmethod
    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        """Log-odds of "relevant", one for each passage, in order."""

    async def ascore(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        """The same numbers as ``score``, computed in a thread."""
        return await in_thread(self.score, query, passages)


def checked_scores(scores: Sequence[float | None], expected: int) -> list[float | None]:
    """A scorer's output as Python floats, NaN and infinities as None.

    Raises ScorerError when the number of scores is not the number of passages.

    >>> checked_scores([1.5, float("nan"), None], 3)
    [1.5, None, None]
    """
    if len(scores) != expected:
        raise ScorerError(f"the scorer returned {len(scores)} scores for {expected} passages; it must return one each")
    return [None if score is None or not math.isfinite(score) else float(score) for score in scores]
