"""Reranker: any scorer as a LlamaIndex postprocessor, its scores calibrated to P(relevant)."""

import logging
import os
import pickle
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.callbacks import CallbackManager
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
from pydantic import Field, InstanceOf, field_serializer, field_validator, model_validator

from tamis.core.errors import BadSetting, UnknownComponent
from tamis.core.media import MediaPolicy
from tamis.models import SCORERS, Scorer
from tamis.models.score_cache import CachedScorer
from tamis.nodes import rescored

from .calibrate import Calibrator
from .probability import sigmoid
from .reranking import RerankingStage
from .scoring import Score, Scores, Steps, Task, scoring

logger = logging.getLogger(__name__)
dispatcher = get_dispatcher(__name__)


class RerankOutcomeEvent(BaseEvent):
    """What a Reranker could and could not score.

    ``reasons`` counts the unscored candidates by why they have no score; of the ``n_scored`` ones ``n_fallback`` were
    scored by the fallback. ``seconds`` is how long the call took; ``counts`` what it cost (pairs, tokens, images, cache
    hits, requests, retries, failures: see ``tamis.models.counting``), as far as the scorers count.
    """

    scorer: str
    n_scored: int
    n_fallback: int
    n_unscored: int
    reasons: dict[str, int]
    seconds: float
    counts: dict[str, int] = Field(default_factory=dict)

    @classmethod
    def class_name(cls) -> str:
        """The event's name for handlers."""
        return "TamisRerankOutcomeEvent"


class Reranker(RerankingStage):
    """Gives every candidate P(relevant) as its score, in [0, 1], and returns them best first, as new objects.

    ``scorer`` is a Scorer, its registered name, or a mapping of its name and settings. ``calibrator`` turns its
    log-odds into probabilities: a fitted Calibrator, its file, or what its ``to_dict`` wrote; None is the plain
    sigmoid. ``top_n`` keeps only so many; None keeps all.

    Nothing is lost. A candidate that could not be scored (an error, the deadline, neither text nor image, a scorer
    that gave None, NaN or a wrong number of scores) has the score None and stands behind the scored ones, in the order
    it came in; where nothing could be scored the order is the retriever's. A RerankOutcomeEvent says how many and why.
    Only a broken setup is raised: a missing extra, a model that cannot be loaded and has no fallback, or a wrong
    setting that a scorer finds out about when it is used.

    ``batch_size`` passages are scored in one call; a scorer that uses evidence from retrieval (EvidenceAware), or that
    batches by itself (its attribute ``whole_lists`` is true), gets the whole list at once. ``deadline_s`` is for the
    whole call, in seconds: batches that are done by then count. A scorer learns a little earlier that it is to return
    with what it has (``tamis.models.deadline``). ``stats`` is what all calls so far came to.
    ``fallback`` is a second scorer for what the first left unscored; with a deadline, the last fifth of the time is
    kept for it. Its log-odds are not the calibrator's to judge: they become probabilities by the plain sigmoid.

    ``media`` is what a scorer may see of the images: those it allows are read here and handed over as bytes; others
    stay a path or URL, which a scorer opens only under a policy of its own. ``metadata_mode`` says which metadata
    belong to a passage's text.

    Raises BadSetting for a setting outside its range and for a calibrator fitted for another scorer, NotFitted for one
    that is not fitted, UnknownComponent for a scorer's name that is not known; when called, BadInput without a query.
    """

    scorer: Any = Field(description="A Scorer, its name, or its name and settings.")
    calibrator: InstanceOf[Calibrator] | None = Field(
        default=None, description="Log-odds to probabilities; None: the sigmoid."
    )
    batch_size: int = Field(default=64, ge=1, strict=True)
    fallback: Any = Field(default=None, description="A Scorer for what the first could not score.")

    def __init__(
        self,
        scorer: Scorer | str | Mapping[str, Any] = "evidence",
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
        super().__init__(
            scorer=scorer,
            calibrator=calibrator,
            top_n=top_n,
            batch_size=batch_size,
            deadline_s=deadline_s,
            fallback=fallback,
            media=media,
            metadata_mode=metadata_mode,
            callback_manager=callback_manager,
        )

    @field_validator("scorer", "fallback", mode="before")
    @classmethod
    def _build_scorer(cls, value: Any) -> Any:
        if value is None:
            return None
        scorer = SCORERS.build(value)
        if isinstance(scorer, type) or not isinstance(scorer, Scorer):
            raise BadSetting(f"the scorer is {scorer!r}; it must be an object with the methods score and ascore")
        return scorer

    @field_validator("calibrator", mode="before")
    @classmethod
    def _load_calibrator(cls, value: Any) -> Any:
        if isinstance(value, str | os.PathLike):
            return Calibrator.load(value)
        if isinstance(value, Mapping):
            return Calibrator.from_dict(value)
        if isinstance(value, Calibrator):
            value.fitted()
        return value

    @model_validator(mode="after")
    def _check_match(self) -> "Reranker":
        if self.scorer is None:
            raise BadSetting('a Reranker needs a scorer; the default is "evidence"')
        fitted_for = None if self.calibrator is None else self.calibrator.scorer
        name = scorer_name(self.scorer)
        # A calibrator may name the kind of scorer alone, as one does that is made from a name.
        if fitted_for is not None and fitted_for not in (name, name.partition(":")[0]):
            raise BadSetting(
                f'the calibrator was fitted for the scorer "{fitted_for}", not for "{name}": its '
                "probabilities would be wrong; fit one on this scorer's log-odds"
            )
        return self

    @field_serializer("scorer", "fallback")
    def _write_scorer(self, scorer: Scorer | None) -> dict[str, Any] | None:
        return None if scorer is None else SCORERS.spec(scorer)

    @field_serializer("calibrator")
    def _write_calibrator(self, calibrator: Calibrator | None) -> dict[str, Any] | None:
        return None if calibrator is None else calibrator.to_dict()

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:
        """The settings as JSON. Raises UnknownComponent for a scorer that no name is known for."""
        # Asked first, as pydantic hides what a serialiser raises behind an error of its own.
        for scorer in (self.scorer, self.fallback):
            self._write_scorer(scorer)
        written: dict[str, Any] = super().to_dict(**kwargs)
        return written

    def __getstate__(self) -> dict[str, Any]:
        # LlamaIndex drops what does not pickle, which would bring back another scorer: the default one.
        written = {}
        for name in ("scorer", "fallback"):
            try:
                pickle.dumps(getattr(self, name))
            except Exception:  # noqa: BLE001 - pickling fails with whatever an object raises
                written[name] = SCORERS.spec(getattr(self, name))
        if written:
            return self.model_copy(update=written).__getstate__()
        return super().__getstate__()

    def _model_name(self) -> str:
        return scorer_name(self.scorer)

    def _steps(self, nodes: Sequence[NodeWithScore], query: QueryBundle) -> Steps:
        return scoring(
            Task(
                query=query,
                nodes=nodes,
                scorer=self.scorer,
                fallback=self.fallback,
                batch_size=self.batch_size,
                deadline_s=self.deadline_s,
                media=self.media,
                metadata_mode=self.metadata_mode,
            )
        )

    def _probability(self, score: Score) -> float:
        """P(relevant) of a score; the fallback's log-odds are not the calibrator's to judge."""
        if score.by_fallback or self.calibrator is None:
            return sigmoid(score.log_odds)
        return self.calibrator.probability(score.log_odds)

    def _ranked(self, nodes: Sequence[NodeWithScore], result: Scores) -> list[NodeWithScore]:
        keys: dict[int, tuple[float, float]] = {}
        for at, score in enumerate(result.found):
            if score is not None:
                keys[at] = (self._probability(score), score.log_odds)
        # Log-odds tell apart what a calibrator's step or the sigmoid's end makes equal.
        ranking = sorted(keys, key=keys.__getitem__, reverse=True)
        best = (ranking + result.pending())[: self.top_n]
        return [rescored(nodes[at], keys[at][0] if at in keys else None) for at in best]

    def _tell(self, result: Scores, counts: dict[str, int], seconds: float) -> None:
        name, unscored = self._model_name(), len(result.pending())
        self._statistics.add(seconds=seconds, candidates=len(result.found), unscored=unscored, counts=counts)
        reasons = dict(Counter(reason for reason in result.reasons if reason is not None))
        if unscored:
            logger.warning("%s left %d of %d candidates unscored: %s", name, unscored, len(result.found), reasons)
        dispatcher.event(
            RerankOutcomeEvent(
                scorer=name,
                n_scored=len(result.found) - unscored,
                n_fallback=sum(score is not None and score.by_fallback for score in result.found),
                n_unscored=unscored,
                reasons=reasons,
                seconds=seconds,
                counts=counts,
            )
        )


def scorer_name(scorer: Scorer) -> str:
    """What a scorer is called in events and saved calibrators: its registered or class name, and its model's.

    The model is the scorer's ``model``, where that is a string, or its ``embedder``'s name: the same kind of scorer
    with another model gives other log-odds. A scorer's own ``name`` goes before all that.

    >>> from tamis.models.cross_encoder import CrossEncoderScorer
    >>> scorer_name(CrossEncoderScorer("folder/model"))
    'cross-encoder:folder/model'
    """
    if isinstance(scorer, CachedScorer):
        # What a cache gives is what the scorer behind it gave.
        return scorer_name(scorer.scorer)
    own = getattr(scorer, "name", None)
    if isinstance(own, str) and own:
        return own
    try:
        kind = SCORERS.name_of(scorer)
    except UnknownComponent:
        kind = type(scorer).__name__
    model = getattr(scorer, "model", None) or getattr(getattr(scorer, "embedder", None), "name", None)
    return f"{kind}:{model}" if isinstance(model, str) and model else kind
