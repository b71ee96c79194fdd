"""FusedReranker: the mean of what the retriever and the reranker think of a candidate."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from llama_index.core.callbacks import CallbackManager
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.schema import MetadataMode, NodeWithScore
from pydantic import Field

from tamis.core.media import MediaPolicy
from tamis.models import Scorer
from tamis.nodes import evidence_of, rescored

from .calibrate import Calibrator
from .reranker import Reranker
from .scoring import Scores
from .stage import Stage

dispatcher = get_dispatcher(__name__)

Source = Literal["dense", "image", "score"]
By = Literal["both", "reranker", "retriever", "neither"]


class FusionEvent(BaseEvent):
    """How candidates of one call came to their score: ``alpha``, what the retrieval score is, and how many by what.

    ``by`` counts candidates that have "both" scores, that of the "reranker" alone, of the "retriever" alone, "neither".
    """

    alpha: float
    source: str
    mapping: str = "(1 + cosine) / 2"
    by: dict[str, int]

    @classmethod
    def class_name(cls) -> str:
        """The event's name for handlers."""
        return "TamisFusionEvent"


class Fused(NamedTuple):
    """A candidate's fused score in [0, 1], None for unknown, and what it was made of."""

    score: float | None
    by: By


class FusedReranker(Reranker):
    """A Reranker whose score is ``alpha * retrieval + (1 - alpha) * P(relevant)``, in [0, 1].

    Source: U-MARVEL (2025), with ``alpha`` 0.5; LamRA adds the two with a weight. ``alpha`` 1 gives the retriever's
    ranking, 0 the reranker's. ``retrieval`` is a cosine, mapped to [0, 1] by ``(1 + cosine) / 2``: that of the
    candidate's "dense" or "image" evidence, or with ``source="score"`` the node's own score, as LlamaIndex's vector
    retrievers give it.

    A candidate that has one of the two scores gets that one alone, as it is: nothing is lost, and a FusionEvent counts
    how many those are. One that has neither stands last, with None. The score is calibrated only where ``alpha`` is 0.

    All other settings, and what is raised, are those of Reranker; BadSetting also for an ``alpha`` outside [0, 1].
    """

    alpha: float = Field(default=0.5, ge=0, le=1, allow_inf_nan=False)
    source: Source = "dense"

    def __init__(
        self,
        scorer: Scorer | str | Mapping[str, Any] = "evidence",
        alpha: float = 0.5,
        source: Source = "dense",
        calibrator: Calibrator | str | os.PathLike[str] | Mapping[str, Any] | None = None,
        top_n: int | None = None,
        *,
        batch_size: int = 64,
        deadline_s: float | None = None,
        fallback: Scorer | str | Mapping[str, Any] | None = None,
        media: MediaPolicy | Mapping[str, Any] | None = None,
        metadata_mode: MetadataMode = MetadataMode.NONE,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        # Past Reranker's own, which knows none of the fields of its subclasses.
        Stage.__init__(
            self,
            scorer=scorer,
            alpha=alpha,
            source=source,
            calibrator=calibrator,
            top_n=top_n,
            batch_size=batch_size,
            deadline_s=deadline_s,
            fallback=fallback,
            media=media,
            metadata_mode=metadata_mode,
            callback_manager=callback_manager,
        )

    @classmethod
    def of(cls, reranker: Reranker, alpha: float = 0.5, source: Source = "dense") -> "FusedReranker":
        """The same as ``reranker``, an MLLMReranker for example, with its scores fused."""
        return cls(
            reranker.scorer,
            alpha,
            source,
            reranker.calibrator,
            reranker.top_n,
            batch_size=reranker.batch_size,
            deadline_s=reranker.deadline_s,
            fallback=reranker.fallback,
            media=reranker.media,
            metadata_mode=reranker.metadata_mode,
            callback_manager=reranker.callback_manager,
        )

    def _ranked(self, nodes: Sequence[NodeWithScore], scores: Scores) -> list[NodeWithScore]:
        found: list[Fused] = []
        keys: dict[int, tuple[float, float]] = {}
        for at, score in enumerate(scores.found):
            relevant = None if score is None else self._probability(score)
            one = fused(cosine_of(nodes[at], self.source), relevant, self.alpha)
            found.append(one)
            if one.score is not None:
                # Log-odds tell apart what the sigmoid's end makes equal, where they count at all.
                keys[at] = (one.score, score.log_odds if score is not None and self.alpha < 1 else 0.0)
        dispatcher.event(FusionEvent(alpha=self.alpha, source=self.source, by=dict(Counter(one.by for one in found))))
        ranking = sorted(keys, key=keys.__getitem__, reverse=True)
        best = (ranking + [at for at in range(len(nodes)) if at not in keys])[: self.top_n]
        return [rescored(nodes[at], found[at].score) for at in best]


def fused(cosine: float | None, relevant: float | None, alpha: float) -> Fused:
    """The fused score of a cosine in [-1, 1] and a P(relevant) in [0, 1]; the one that is there where one is missing.

    >>> fused(0.5, 0.25, 0.5)
    Fused(score=0.5, by='both')
    >>> fused(None, 0.25, 0.5)
    Fused(score=0.25, by='reranker')
    """
    retrieval = None if cosine is None else (1 + cosine) / 2
    if retrieval is not None and relevant is not None:
        return Fused(alpha * retrieval + (1 - alpha) * relevant, "both")
    if relevant is not None:
        return Fused(relevant, "reranker")
    return Fused(retrieval, "neither" if retrieval is None else "retriever")


def cosine_of(node: NodeWithScore, source: Source) -> float | None:
    """What the retriever thinks of a candidate, in [-1, 1]; None where it did not say, or said what is no cosine."""
    if source == "score":
        value = node.score
    else:
        hit = evidence_of(node).get(source)
        value = None if hit is None else hit.score
    # Unit vectors in float32 come out a little above 1.
    return None if value is None or not abs(value) <= 1 + 1e-3 else max(-1.0, min(1.0, float(value)))
