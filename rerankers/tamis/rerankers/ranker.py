"""Ranker: what stages that order candidates by other ways than one score for each have in common."""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle

from tamis.core.content import Content
from tamis.core.errors import BROKEN_SETUP
from tamis.core.media import MediaPolicy
from tamis.nodes import content_of, query_of, rescored

from .reranking import RerankingStage, Steps
from .scoring import Outcome, in_thread, one_line, read_in

logger = logging.getLogger(__name__)
dispatcher = get_dispatcher(__name__)


class RankingEvent(BaseEvent):
    """What a ranker did: how many candidates it could judge, why not the others, and what that took.

    ``n_scored`` of ``n_scored + n_unscored`` candidates have a score; ``reasons`` counts why others have none, and
    what went wrong on the way. ``calls`` is how often the model was asked, ``prompts`` (or pairs) how much.
    ``calibrated`` says whether scores are probabilities; where they are not, they say an order and nothing else.
    ``counts`` are the quantities of ``tamis.models.counting``; ``details`` are the ranker's own.
    """

    ranker: str
    model: str
    n_scored: int
    n_unscored: int
    reasons: dict[str, int]
    calls: int
    prompts: int
    calibrated: bool
    counts: dict[str, int]
    details: dict[str, Any]
    seconds: float

    @classmethod
    def class_name(cls) -> str:
        """The event's name for handlers."""
        return "TamisRankingEvent"


@dataclass
class Ranking:
    """All candidates best first, the score of each (by candidate, None for unknown), and how it came to that."""

    order: list[int]
    scores: list[float | None]
    reasons: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    prompts: int = 0
    details: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def as_given(cls, candidates: int, reason: str) -> "Ranking":
        """The order that the candidates came in, for a reason."""
        return cls(list(range(candidates)), [None] * candidates, Counter({reason: candidates}))


class Read(NamedTuple):
    """The query and the candidates as contents; ``why_not`` has a reason for each candidate that cannot be judged."""

    query: Content
    passages: list[Content]
    why_not: dict[int, str]


class Ranker(RerankingStage):
    """Orders all candidates, best first, as new objects; nothing is lost, whatever goes wrong.

    What is known by the deadline counts. Every call gives a RankingEvent as well; ``last`` is the newest of those. See
    RerankingStage for the settings.
    """

    _last: RankingEvent | None = None

    @property
    def last(self) -> RankingEvent | None:
        """The event of the call that ended last; None before the first."""
        return self._last

    def _calibrated(self) -> bool:
        """Whether the scores are probabilities."""
        return False

    def _ranked(self, nodes: Sequence[NodeWithScore], result: Ranking) -> list[NodeWithScore]:
        return [rescored(nodes[at], result.scores[at]) for at in result.order[: self.top_n]]

    def _read(self, nodes: Sequence[NodeWithScore], query: QueryBundle, until: float | None) -> Steps[Read | str]:
        """The query and the candidates as contents, read in a thread; or why nothing can be judged."""
        outcome = yield in_thread(lambda: contents(nodes, query, self.media, self.metadata_mode), until)
        if outcome.late or outcome.error is not None:
            return why(outcome, self.deadline_s)
        read: Read = outcome.value
        return read if read.query else "the query is empty"

    def _until(self) -> float | None:
        """When a call that begins now must have ended."""
        return None if self.deadline_s is None else time.monotonic() + self.deadline_s

    def _tell(self, result: Ranking, counts: dict[str, int], seconds: float) -> None:
        name, unscored = self._model_name(), sum(score is None for score in result.scores)
        self._statistics.add(seconds=seconds, candidates=len(result.scores), unscored=unscored, counts=counts)
        if result.reasons:
            reasons = dict(result.reasons)
            logger.warning("%s: %d of %d candidates have no score; %s", name, unscored, len(result.scores), reasons)
        self._last = RankingEvent(
            ranker=type(self).__name__,
            model=name,
            n_scored=len(result.scores) - unscored,
            n_unscored=unscored,
            reasons=dict(result.reasons),
            calls=result.calls,
            prompts=result.prompts,
            calibrated=self._calibrated(),
            counts=counts,
            details=result.details,
            seconds=seconds,
        )
        dispatcher.event(self._last)


def contents(nodes: Sequence[NodeWithScore], query: QueryBundle, media: MediaPolicy | None, mode: MetadataMode) -> Read:
    """What can be read, with the images that the policy lets through as bytes. A node that raises costs no other."""
    passages: list[Content] = []
    why_not: dict[int, str] = {}
    for at, node in enumerate(nodes):
        try:
            passage = content_of(node, mode)
            passages.append(passage if media is None else read_in(passage, media))
            if not passage:
                why_not[at] = "neither text nor image to judge"
        except Exception as error:  # noqa: BLE001 - whatever a foreign node raises, the others can be judged
            passages.append(Content())
            why_not[at] = one_line(error)
    asked = query_of(query)
    return Read(asked if media is None else read_in(asked, media), passages, why_not)


def why(outcome: Outcome, deadline_s: float | None) -> str:
    """Why an outcome brought nothing. Raises an error that no other query would be spared (BROKEN_SETUP)."""
    if outcome.late or outcome.error is None:
        return "the deadline" if deadline_s is None else f"the deadline of {deadline_s:g} s"
    if isinstance(outcome.error, BROKEN_SETUP):
        raise outcome.error
    return one_line(outcome.error)


def by_place(order: Sequence[int], candidates: int) -> list[float | None]:
    """A score for each candidate that says its place and nothing more: 1 for the first, then evenly down, above 0.

    ``order`` are the candidates that have a place, best first; all others get None.

    >>> by_place([2, 0], 3)
    [0.5, None, 1.0]
    """
    scores: list[float | None] = [None] * candidates
    for place, at in enumerate(order):
        scores[at] = (len(order) - place) / len(order)
    return scores
