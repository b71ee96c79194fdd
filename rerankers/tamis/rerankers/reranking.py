"""RerankingStage: what rerankers of every kind have in common: what they may read, a deadline, what they tell."""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.schema import NodeWithScore, QueryBundle
from pydantic import Field, PrivateAttr

from tamis.core.errors import BadInput
from tamis.models.counting import Counts, count_all, counted

from .scoring import Outcome, adrive, aperform, drive, perform
from .stage import ReadingStage
from .statistics import Statistics

dispatcher = get_dispatcher(__name__)

R = TypeVar("R")
Steps = Generator[Any, Outcome, R]
"""Yields what is to be waited for, is sent its outcome, and returns the result."""


class Report:
    """What a call has come to so far, for the events that tell of it. ``result`` is None until the work has ended."""

    def __init__(self) -> None:
        self.result: Any = None
        self.nodes: list[NodeWithScore] = []
        self.counts = Counts()


class RerankingStage(ReadingStage):
    """Judges candidates by ``_steps`` and returns them by ``_ranked``, the same work on both paths, sync and async.

    Every call gives LlamaIndex's rerank events and its callback, an end for every start, and tells by ``_tell`` what
    came of it. ``top_n`` keeps only so many; None keeps all.
    """

    top_n: int | None = Field(default=None, ge=1, strict=True)
    _statistics: Statistics = PrivateAttr(default_factory=Statistics)

    def __init__(self, *, callback_manager: CallbackManager | None = None, **settings: Any) -> None:
        super().__init__(callback_manager=callback_manager, **settings)

    @property
    def stats(self) -> dict[str, float]:
        """What this object's calls have come to since it was made: calls, seconds, candidates, unscored, all counts.

        Calls side by side add up; it is no setting, and neither written down nor copied.
        """
        return self._statistics.to_dict()

    # Not abstract: LlamaIndex makes a span of every call of what implements an abstract method.

    def _model_name(self) -> str:
        """What judges is called in events."""
        raise NotImplementedError

    def _steps(self, nodes: Sequence[NodeWithScore], query: QueryBundle) -> Steps[Any]:
        """The work, as steps to be waited for. There is at least one node."""
        raise NotImplementedError

    def _ranked(self, nodes: Sequence[NodeWithScore], result: Any) -> list[NodeWithScore]:
        """What is returned, from what the steps came to."""
        raise NotImplementedError

    def _tell(self, result: Any, counts: dict[str, int], seconds: float) -> None:
        """Tells of a call that came to a result: in the statistics, the log and an event."""
        raise NotImplementedError

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
            report.result = drive(self._steps(nodes, query), self._perform)
            report.nodes = self._ranked(nodes, report.result)
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
            report.result = await adrive(self._steps(nodes, query), self._aperform)
            report.nodes = self._ranked(nodes, report.result)
        return report.nodes

    @contextmanager
    def _reported(self, nodes: list[NodeWithScore], query: QueryBundle) -> Iterator[Report]:
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
            if report.result is not None:
                self._tell(report.result, report.counts.to_dict(), time.monotonic() - started)
            dispatcher.event(ReRankEndEvent(nodes=list(report.nodes)))


@contextmanager
def counting_to(counts: Counts) -> Iterator[None]:
    """What is counted inside goes to ``counts``, and to whoever counts outside."""
    with counted() as inside:
        try:
            yield
        finally:
            counts.update(inside.to_dict())
    count_all(inside.to_dict())


def checked_query(query: QueryBundle | None) -> QueryBundle:
    """The query. Raises BadInput, which is a ValueError, without one."""
    if query is None:
        raise BadInput("a Reranker needs a query: pass query_bundle or query_str")
    return query
