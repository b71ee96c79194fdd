"""A reranker that needs no model and keeps every promise of its role: the smallest one that passes the checks."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from llama_index.core.callbacks import CBEventType, EventPayload
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index_instrumentation import get_dispatcher

from tamis.core.errors import BadInput, ScorerError

from .fake_scorer import word_overlap

dispatcher = get_dispatcher(__name__)
Nodes = list[NodeWithScore]

LEAST = -9.0
"""The score of a node that shares nothing with the query because one of them has no words."""


class FakeReranker(BaseNodePostprocessor):
    """Scores nodes by the words they share with the query, as log-odds, and returns new objects, best first.

    ``delay_s`` is how long a call takes; the async method waits without blocking the event loop. With ``error`` every
    call raises ScorerError with that message. Raises BadInput without a query. Each step is a method of its own, so
    that a test can break just one.
    """

    delay_s: float = 0.0
    error: str | None = None

    # How many end events follow one start.
    ends: ClassVar[int] = 1

    @classmethod
    def class_name(cls) -> str:
        """The name of the class, also of a subclass."""
        return cls.__name__

    def _postprocess_nodes(self, nodes: Nodes, query_bundle: QueryBundle | None = None) -> Nodes:
        bundle = self.checked(query_bundle)
        if not nodes:
            return self.nothing()
        with self.reported(nodes, bundle):
            time.sleep(self.delay_s)
            return self.rank(nodes, bundle)

    # Without the decorator the async path has no span: LlamaIndex decorates only abstract methods by itself.
    @dispatcher.span
    async def _apostprocess_nodes(self, nodes: Nodes, query_bundle: QueryBundle | None = None) -> Nodes:
        bundle = self.checked(query_bundle)
        if not nodes:
            return self.nothing()
        with self.reported(nodes, bundle):
            await self.wait()
            return self.arank(nodes, bundle)

    def checked(self, query_bundle: QueryBundle | None) -> QueryBundle:
        """The query. Raises BadInput where there is none."""
        if query_bundle is None:
            raise BadInput("a reranker needs a query; pass query_bundle or query_str")
        return query_bundle

    def nothing(self) -> Nodes:
        """What comes of an empty list."""
        return []

    async def wait(self) -> None:
        """Takes its time."""
        await asyncio.sleep(self.delay_s)

    @contextmanager
    def reported(self, nodes: Nodes, bundle: QueryBundle) -> Iterator[None]:
        """Start and end events and the legacy callback around the work, also where it raises."""
        self.start(nodes, bundle)
        try:
            with self.callback(bundle):
                yield
        except BaseException:
            self.end(nodes, failed=True)
            raise
        self.end(nodes, failed=False)

    @contextmanager
    def callback(self, bundle: QueryBundle) -> Iterator[None]:
        """The legacy callback."""
        with self.callback_manager.event(CBEventType.RERANKING, payload={EventPayload.QUERY_STR: bundle.query_str}):
            yield

    def start(self, nodes: Nodes, bundle: QueryBundle) -> None:
        """Emits the start event."""
        dispatcher.event(ReRankStartEvent(query=bundle, nodes=nodes, top_n=len(nodes), model_name="word overlap"))

    def end(self, nodes: Nodes, failed: bool) -> None:
        """Emits the end event."""
        for _ in range(1 if failed else self.ends):
            dispatcher.event(ReRankEndEvent(nodes=nodes))

    def rank(self, nodes: Nodes, bundle: QueryBundle) -> Nodes:
        """The nodes scored, as new objects, best first; ties keep their order."""
        if self.error is not None:
            raise ScorerError(self.error)
        scored = [NodeWithScore(node=each.node, score=self.one(each, bundle.query_str)) for each in nodes]
        return sorted(scored, key=self.key)

    def arank(self, nodes: Nodes, bundle: QueryBundle) -> Nodes:
        """The same on the async path."""
        return self.rank(nodes, bundle)

    def key(self, each: NodeWithScore) -> Any:
        """What nodes are sorted by, least first."""
        return -(LEAST if each.score is None else each.score)

    def one(self, each: NodeWithScore, query: str) -> float | None:
        """One node's score: log-odds, higher is better."""
        score = word_overlap(query, each.node.get_content())
        return LEAST if score is None else score
