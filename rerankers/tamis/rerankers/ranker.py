"""Ranker: what stages that order candidates by other ways than one score for each have in common."""

import logging
import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from llama_index.core.callbacks import CBEventType, EventPayload
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
from pydantic import Field, InstanceOf, PrivateAttr, field_serializer, field_validator

from tamis.core.content import Content
from tamis.core.media import MediaPolicy
from tamis.models.counting import Counts, count_all, counted
from tamis.nodes import content_of, query_of, rescored

from .reranker import checked_query
from .scoring import BROKEN_SETUP, Outcome, adrive, aperform, drive, in_thread, one_line, perform, read_in
from .stage import Stage
from .statistics import Statistics

logger = logging.getLogger(__name__)
dispatcher = get_dispatcher(__name__)

R = TypeVar("R")


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


Steps = Generator[Any, Outcome, R]
"""Yields what is to be waited for, is sent its outcome, and returns the result."""


class Ranker(Stage):
    """Orders all candidates, best first, as new objects; nothing is lost, whatever goes wrong.

    ``top_n`` keeps only so many of the list returned; None keeps all. ``deadline_s`` is for the whole call, in
    seconds: what is known by then counts. ``media`` is what the model may see of the images (see ``Reranker``),
    ``metadata_mode`` which metadata belong to a passage's text. Every call gives a ReRank start and end event and a
    RankingEvent; ``last`` is the newest of those, ``stats`` what all calls came to.
    """

    top_n: int | None = Field(default=None, ge=1, strict=True)
    deadline_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    media: InstanceOf[MediaPolicy] | None = Field(default=None, description="Which images a model is given as bytes.")
    metadata_mode: MetadataMode = MetadataMode.NONE
    _statistics: Statistics = PrivateAttr(default_factory=Statistics)
    _last: RankingEvent | None = None

    @field_validator("media", mode="before")
    @classmethod
    def _build_media(cls, value: Any) -> Any:
        return MediaPolicy.from_dict(value) if isinstance(value, Mapping) else value

    @field_serializer("media")
    def _write_media(self, media: MediaPolicy | None) -> dict[str, Any] | None:
        return None if media is None else media.to_dict()

    @field_serializer("metadata_mode")
    def _write_mode(self, mode: MetadataMode) -> str:
        return mode.value

    @property
    def stats(self) -> dict[str, float]:
        """What this object's calls have come to since it was made: calls, seconds, candidates, unscored, all counts.

        Calls side by side add up; it is no setting, and neither written down nor copied.
        """
        return self._statistics.to_dict()

    @property
    def last(self) -> RankingEvent | None:
        """The event of the call that ended last; None before the first."""
        return self._last

    @abstractmethod
    def _model_name(self) -> str:
        """What the model is called in events."""

    @abstractmethod
    def _steps(self, nodes: Sequence[NodeWithScore], query: QueryBundle) -> Steps[Ranking]:
        """The work, as steps to be waited for. There is at least one node."""

    def _calibrated(self) -> bool:
        """Whether the scores are probabilities."""
        return False

    def _perform(self, step: Any) -> Outcome:
        """Waits for one step."""
        return perform(step)

    async def _aperform(self, step: Any) -> Outcome:
        """Waits for one step, the event loop free."""
        return await aperform(step)

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query = checked_query(query_bundle)
        if not nodes:
            return []
        with self._reported(nodes, query) as report, counting_to(report.counts):
            report.ranking = drive(self._steps(nodes, query), self._perform)
            report.nodes = self._ranked(nodes, report.ranking)
        return report.nodes

    # Decorated by hand: LlamaIndex does so for the sync method only.
    @dispatcher.span
    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query = checked_query(query_bundle)
        if not nodes:
            return []
        with self._reported(nodes, query) as report, counting_to(report.counts):
            report.ranking = await adrive(self._steps(nodes, query), self._aperform)
            report.nodes = self._ranked(nodes, report.ranking)
        return report.nodes

    def _ranked(self, nodes: Sequence[NodeWithScore], ranking: Ranking) -> list[NodeWithScore]:
        return [rescored(nodes[at], ranking.scores[at]) for at in ranking.order[: self.top_n]]

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

    @contextmanager
    def _reported(self, nodes: list[NodeWithScore], query: QueryBundle) -> Iterator["Report"]:
        """Start and End events and the legacy callback around the work, an End for every Start."""
        report = Report()
        name, top_n, started = self._model_name(), self.top_n or len(nodes), time.monotonic()
        dispatcher.event(ReRankStartEvent(query=query, nodes=list(nodes), top_n=top_n, model_name=name))
        payload: dict[str, Any] = {
            EventPayload.NODES: list(nodes),
            EventPayload.MODEL_NAME: name,
            EventPayload.QUERY_STR: query.query_str,
            EventPayload.TOP_K: top_n,
        }
        try:
            with self.callback_manager.event(CBEventType.RERANKING, payload=payload) as event:
                yield report
                event.on_end(payload={EventPayload.NODES: list(report.nodes)})
        finally:
            if report.ranking is not None:
                self._tell(report.ranking, report.counts, time.monotonic() - started)
            dispatcher.event(ReRankEndEvent(nodes=list(report.nodes)))

    def _tell(self, ranking: Ranking, counts: Counts, seconds: float) -> None:
        unscored = sum(score is None for score in ranking.scores)
        self._statistics.add(
            seconds=seconds, candidates=len(ranking.scores), unscored=unscored, counts=counts.to_dict()
        )
        if ranking.reasons:
            logger.warning("%s: %d of %d candidates have no score; %s", self._model_name(), unscored,
                           len(ranking.scores), dict(ranking.reasons))  # fmt: skip
        event = RankingEvent(
            ranker=type(self).__name__,
            model=self._model_name(),
            n_scored=len(ranking.scores) - unscored,
            n_unscored=unscored,
            reasons=dict(ranking.reasons),
            calls=ranking.calls,
            prompts=ranking.prompts,
            calibrated=self._calibrated(),
            counts=counts.to_dict(),
            details=ranking.details,
            seconds=seconds,
        )
        self._last = event
        dispatcher.event(event)


class Report:
    """What a call has come to so far, for the events that tell of it."""

    def __init__(self) -> None:
        self.ranking: Ranking | None = None
        self.nodes: list[NodeWithScore] = []
        self.counts = Counts()


@contextmanager
def counting_to(counts: Counts) -> Iterator[None]:
    """What is counted inside goes to ``counts``, and to whoever counts outside."""
    with counted() as inside:
        try:
            yield
        finally:
            counts.update(inside.to_dict())
    count_all(inside.to_dict())


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
