"""ExclusionReranker: a Reranker that holds back what the query says it does not want."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from llama_index.core.callbacks import CallbackManager
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
from pydantic import Field, field_serializer, field_validator, model_validator

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.core.media import MediaPolicy
from tamis.models import EMBEDDERS, Embedder, Scorer
from tamis.nodes import content_of, rescored

from .calibrate import Calibrator
from .exclusion import Exclusion, excluding, exclusion_of, penalties
from .reranker import Reranker
from .scoring import Scores, Steps, in_thread, one_line
from .stage import Stage

dispatcher = get_dispatcher(__name__)

Mode = Literal["question", "penalty"]


class ExclusionEvent(BaseEvent):
    """What a query excluded, and of how many candidates it is not known whether they are about that, and why."""

    wanted: str
    unwanted: str
    mode: str
    n_unjudged: int
    reasons: dict[str, int]

    @classmethod
    def class_name(cls) -> str:
        """The event's name for handlers."""
        return "TamisExclusionEvent"


@dataclass
class TwoSided(Scores):
    """Scores for the wanted side; for each candidate the chance that it is about the unwanted, or what it loses."""

    exclusion: Exclusion = field(default_factory=lambda: Exclusion("", ""))
    held_back: list[float | None] = field(default_factory=list)
    why_not: dict[str, int] = field(default_factory=dict)


class ExclusionReranker(Reranker):
    """A Reranker that puts a query's wanted side to its scorer, and holds back what is about the unwanted one.

    What is unwanted is the query's ``exclude`` (ExclusionBundle), else the setting ``exclude``, else what its words
    say (see ``exclusion.parse_exclusion``). A query that excludes nothing is scored as by Reranker.

    ``mode="question"`` asks the scorer about the unwanted side too: ``P(wanted) * (1 - P(about the unwanted))``, which
    costs a second score for each candidate. ``mode="penalty"`` asks the embedder: ``P(wanted) - weight * max(0,
    cos(d, n_perp))``, not below 0, where ``n_perp`` is the unwanted vector's part at a right angle to the wanted one
    (Perp-Neg, 2023); such scores are no longer calibrated.

    A candidate of which it is not known whether it is about the unwanted side keeps P(wanted); an ExclusionEvent says
    how many and why. ``deadline_s`` is for both sides together. All other settings are those of Reranker.
    """

    mode: Mode = "question"
    exclude: str | None = None
    weight: float = Field(default=0.5, ge=0, allow_inf_nan=False)
    embedder: Any = Field(default=None, description="An Embedder, its name, or its name and settings.")

    def __init__(
        self,
        scorer: Scorer | str | Mapping[str, Any] = "evidence",
        mode: Mode = "question",
        exclude: str | None = None,
        weight: float = 0.5,
        embedder: Embedder | str | Mapping[str, Any] | None = None,
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
            mode=mode,
            exclude=exclude,
            weight=weight,
            embedder=embedder,
            calibrator=calibrator,
            top_n=top_n,
            batch_size=batch_size,
            deadline_s=deadline_s,
            fallback=fallback,
            media=media,
            metadata_mode=metadata_mode,
            callback_manager=callback_manager,
        )

    @field_validator("embedder", mode="before")
    @classmethod
    def _build_embedder(cls, value: Any) -> Any:
        return None if value is None else EMBEDDERS.build(value)

    @model_validator(mode="after")
    def _check_embedder(self) -> "ExclusionReranker":
        if self.mode == "penalty" and self.embedder is None:
            raise BadSetting('mode "penalty" needs an embedder, "sentence-transformers" for example')
        return self

    @field_serializer("embedder")
    def _write_embedder(self, embedder: Embedder | None) -> dict[str, Any] | None:
        return None if embedder is None else EMBEDDERS.spec(embedder)

    def _steps(self, nodes: Sequence[NodeWithScore], query: QueryBundle) -> Steps:
        exclusion = exclusion_of(query, self.exclude)
        if exclusion is None:
            return super()._steps(nodes, query)
        return self._both_sides(nodes, query, exclusion)

    def _both_sides(self, nodes: Sequence[NodeWithScore], query: QueryBundle, exclusion: Exclusion) -> Steps:
        end = None if self.deadline_s is None else time.monotonic() + self.deadline_s
        scores = yield from super()._steps(nodes, excluding(query, exclusion))
        sides = TwoSided(scores.found, scores.reasons, exclusion, [None] * len(nodes))
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:
            sides.why_not["the deadline"] = len(nodes)
        elif self.mode == "penalty":
            yield from self._penalised(sides, nodes, end)
        else:
            # What retrieval found out was about the query, and tells nothing of what is unwanted.
            plain = [NodeWithScore(node=node.node) for node in nodes]
            asking = self.model_copy(update={"deadline_s": left})
            unwanted = yield from Reranker._steps(asking, plain, QueryBundle(exclusion.unwanted))
            sides.held_back = [None if one is None else self._probability(one) for one in unwanted.found]
            for reason in unwanted.reasons:
                if reason is not None:
                    sides.why_not[reason] = sides.why_not.get(reason, 0) + 1
        return sides

    def _penalised(self, sides: TwoSided, nodes: Sequence[NodeWithScore], end: float | None) -> Any:
        outcome = yield in_thread(lambda: self._losses(sides.exclusion, nodes), end)
        if outcome.error is not None or outcome.late:
            sides.why_not["the deadline" if outcome.late else one_line(outcome.error)] = len(nodes)
            return
        sides.held_back = outcome.value
        if missing := sum(loss is None for loss in outcome.value):
            sides.why_not["nothing that the embedder can see"] = missing

    def _losses(self, exclusion: Exclusion, nodes: Sequence[NodeWithScore]) -> list[float | None]:
        """What each candidate loses, None where the embedder sees nothing of it."""
        sees = "image" in self.embedder.modalities
        contents = [content_of(node, self.metadata_mode) for node in nodes]
        seen = [content if sees else Content(content.text) for content in contents]
        usable = [at for at, content in enumerate(seen) if content]
        losses: list[float | None] = [None] * len(nodes)
        if usable:
            wanted, unwanted = self.embedder.embed(
                [Content(exclusion.wanted), Content(exclusion.unwanted)], "query"
            ).astype(float)
            vectors = np.asarray(self.embedder.embed([seen[at] for at in usable]), dtype=float)
            for at, loss in zip(usable, penalties(vectors, wanted, unwanted, self.weight).tolist(), strict=True):
                losses[at] = loss
        return losses

    def _ranked(self, nodes: Sequence[NodeWithScore], scores: Scores) -> list[NodeWithScore]:
        if not isinstance(scores, TwoSided):
            return super()._ranked(nodes, scores)
        keys: dict[int, tuple[float, float]] = {}
        for at, (score, held_back) in enumerate(zip(scores.found, scores.held_back, strict=True)):
            if score is not None:
                value = self._probability(score)
                if held_back is not None:
                    value = value - held_back if self.mode == "penalty" else value * (1 - held_back)
                keys[at] = (value, score.log_odds)
        dispatcher.event(
            ExclusionEvent(
                wanted=scores.exclusion.wanted,
                unwanted=scores.exclusion.unwanted,
                mode=self.mode,
                n_unjudged=sum(one is None for one in scores.held_back),
                reasons=scores.why_not,
            )
        )
        ranking = sorted(keys, key=keys.__getitem__, reverse=True)
        best = (ranking + scores.pending())[: self.top_n]
        return [rescored(nodes[at], max(0.0, keys[at][0]) if at in keys else None) for at in best]
