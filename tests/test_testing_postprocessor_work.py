"""Each assertion about a postprocessor's role and work fails for a component that breaks just it."""

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index_instrumentation import get_dispatcher
from pydantic import PrivateAttr

from tamis.testing import FakeReranker, check_postprocessor, composition, execution, promises
from tamis.testing.stage import Role

Nodes = list[NodeWithScore]


class GoodSelector(BaseNodePostprocessor):
    """Keeps what scores 0.5 or more, and what has no score."""

    @classmethod
    def class_name(cls) -> str:
        return cls.__name__

    def _postprocess_nodes(self, nodes: Nodes, query_bundle: QueryBundle | None = None) -> Nodes:
        return self.kept([each for each in nodes if each.score is None or each.score >= 0.5])

    def kept(self, nodes: Nodes) -> Nodes:
        return nodes


class GoodOrderer(GoodSelector):
    """Turns the list round."""

    def _postprocess_nodes(self, nodes: Nodes, query_bundle: QueryBundle | None = None) -> Nodes:
        return self.kept(nodes[::-1])


class TopFive(FakeReranker):
    def rank(self, nodes: Nodes, bundle: QueryBundle) -> Nodes:
        return super().rank(nodes, bundle)[:5]


class Unsure(FakeReranker):
    def one(self, each: NodeWithScore, query: str) -> float | None:
        score = super().one(each, query)
        return None if score is not None and -9.0 < score < -1.9 else score


class WorstFirst(FakeReranker):
    def key(self, each: NodeWithScore) -> Any:
        return each.score


class TiesById(FakeReranker):
    def key(self, each: NodeWithScore) -> Any:
        return super().key(each), each.node.node_id


class AsyncOther(FakeReranker):
    def arank(self, nodes: Nodes, bundle: QueryBundle) -> Nodes:
        found = super().rank(nodes, bundle)
        for each in found:
            each.score = (each.score or 0.0) + 0.1
        return found


class Drifting(FakeReranker):
    _calls: int = PrivateAttr(default=0)

    def rank(self, nodes: Nodes, bundle: QueryBundle) -> Nodes:
        found = super().rank(nodes, bundle)
        for each in found:
            each.score = (each.score or 0.0) + self._calls
        self._calls += 1
        return found

    def arank(self, nodes: Nodes, bundle: QueryBundle) -> Nodes:
        return super().rank(nodes, bundle)


class Shared(FakeReranker):
    _current: Nodes = PrivateAttr(default_factory=list)

    def start(self, nodes: Nodes, bundle: QueryBundle) -> None:
        super().start(nodes, bundle)
        self._current = nodes

    def arank(self, nodes: Nodes, bundle: QueryBundle) -> Nodes:
        return super().arank(self._current, bundle)


class OneAtATime(FakeReranker):
    async def wait(self) -> None:
        def alone() -> None:
            with _LOCK:
                time.sleep(self.delay_s)

        await asyncio.to_thread(alone)


_LOCK = threading.Lock()


class Blocking(FakeReranker):
    async def wait(self) -> None:
        time.sleep(self.delay_s)  # noqa: ASYNC251 - what the assertion is about
        await asyncio.sleep(1.5 * self.delay_s)


class Uncancellable(FakeReranker):
    async def wait(self) -> None:
        try:
            await asyncio.sleep(self.delay_s)
        except asyncio.CancelledError:
            return


class Silent(FakeReranker):
    def start(self, nodes: Nodes, bundle: QueryBundle) -> None:
        """Nothing is said."""

    def end(self, nodes: Nodes, failed: bool) -> None:
        """Nothing is said."""


class TwoEnds(FakeReranker):
    ends = 2


class EmptyStart(FakeReranker):
    def nothing(self) -> Nodes:
        self.start([], QueryBundle(""))
        return []


class NoEndOnError(FakeReranker):
    def end(self, nodes: Nodes, failed: bool) -> None:
        if not failed:
            super().end(nodes, failed)


class NoSyncSpan(FakeReranker):
    pass


class NoAsyncSpan(FakeReranker):
    pass


# Assigned afterwards: what is in a class's body when it is created gets its span there.
NoSyncSpan._postprocess_nodes = FakeReranker._postprocess_nodes.__wrapped__  # type: ignore[attr-defined, method-assign]
NoAsyncSpan._apostprocess_nodes = FakeReranker._apostprocess_nodes.__wrapped__  # type: ignore[attr-defined, method-assign]


class NoCallback(FakeReranker):
    @contextmanager
    def callback(self, bundle: QueryBundle) -> Iterator[None]:
        yield


class Shy(FakeReranker):
    """Raises when a certain file of LlamaIndex is among its callers."""

    shuns: str = ""

    def rank(self, nodes: Nodes, bundle: QueryBundle) -> Nodes:
        frame: Any = sys._getframe()
        while frame is not None:
            if self.shuns and frame.f_code.co_filename.endswith(self.shuns):
                raise RuntimeError(f"called from {self.shuns}")
            frame = frame.f_back
        return super().rank(nodes, bundle)


class NotThree(FakeReranker):
    def rank(self, nodes: Nodes, bundle: QueryBundle) -> Nodes:
        if len(nodes) == 3:
            raise RuntimeError("three are too few")
        return super().rank(nodes, bundle)


class Monotone(FakeReranker):
    def rank(self, nodes: Nodes, bundle: QueryBundle) -> Nodes:
        scores = [each.score or 0.0 for each in nodes]
        if scores not in (sorted(scores), sorted(scores, reverse=True)):
            raise RuntimeError("neither best nor worst first")
        return super().rank(nodes, bundle)


class Doubling(GoodSelector):
    def kept(self, nodes: Nodes) -> Nodes:
        return [*nodes[:1], *nodes]


class Rescoring(GoodSelector):
    def kept(self, nodes: Nodes) -> Nodes:
        return [each.model_copy(update={"score": (each.score or 0.0) / 2}) for each in nodes]


class Turning(GoodSelector):
    def kept(self, nodes: Nodes) -> Nodes:
        return sorted(nodes, key=lambda each: each.score or 0.0)


class ByScore(GoodOrderer):
    def kept(self, nodes: Nodes) -> Nodes:
        return sorted(nodes, key=lambda each: each.score or 0.0)


class ByName(GoodOrderer):
    def kept(self, nodes: Nodes) -> Nodes:
        return sorted(nodes, key=lambda each: each.node.node_id)


Case = tuple[str, Role, Callable[[], Any]]

BROKEN: list[Case] = [
    ("keeps the set of nodes", "reranker", TopFive),
    ("adds no node", "selector", Doubling),
    ("gives every node a score", "reranker", Unsure),
    ("best first", "reranker", WorstFirst),
    ("keeps scores as they are", "selector", Rescoring),
    ("keeps the order", "selector", Turning),
    ("goes by the order it is given", "orderer", ByScore),
    ("ties are stable", "reranker", TiesById),
    ("ties are stable", "orderer", ByName),
    ("sync and async give the same result", "reranker", AsyncOther),
    ("the same call gives the same result", "reranker", Drifting),
    ("calls at once do not mix", "reranker", Shared),
    ("calls at once overlap", "reranker", OneAtATime),
    ("the event loop is never blocked", "reranker", Blocking),
    ("cancellation and timeouts are honoured", "reranker", Uncancellable),
    ("rerank events are emitted", "reranker", Silent),
    ("rerank events are balanced", "reranker", TwoEnds),
    ("rerank events are balanced on empty input", "reranker", EmptyStart),
    ("rerank events are balanced on error", "reranker", NoEndOnError),
    ("a span on the sync path", "reranker", NoSyncSpan),
    ("a span on the async path", "reranker", NoAsyncSpan),
    ("the RERANKING callback fires", "reranker", NoCallback),
    ("works in RetrieverQueryEngine", "reranker", lambda: Shy(shuns="retriever_query_engine.py")),
    ("works in CitationQueryEngine", "reranker", lambda: Shy(shuns="citation_query_engine.py")),
    ("works in ContextChatEngine", "reranker", lambda: Shy(shuns="chat_engine/context.py")),
    ("works in RetrieverTool", "reranker", lambda: Shy(shuns="retriever_tool.py")),
    ("works in RetrieverEvaluator", "reranker", lambda: Shy(shuns="retrieval/evaluator.py")),
    ("chains with SimilarityPostprocessor", "reranker", NotThree),
    ("chains with LongContextReorder", "reranker", Monotone),
]
IN_TIME = ("calls at once overlap", "the event loop is never blocked", "cancellation and timeouts are honoured")


@pytest.mark.parametrize(("assertion", "role", "make"), BROKEN, ids=[f"{role}: {name}" for name, role, _ in BROKEN])
def test_a_component_that_breaks_one_assertion_fails_just_that_one(
    assertion: str, role: Role, make: Callable[[], Any]
) -> None:
    def slow() -> Any:
        component = make()
        component.delay_s = 0.2
        return component

    def failing() -> Any:
        component = make()
        if isinstance(component, FakeReranker):
            component.error = "no answer"
        return component

    report = check_postprocessor(make, role, slow=slow if assertion in IN_TIME else None, failing=failing)

    assert [finding.assertion for finding in report.failures] == [assertion], report.failures
    assert report[assertion].reason


@pytest.mark.parametrize(
    ("make", "role"), [(FakeReranker, "reranker"), (GoodSelector, "selector"), (GoodOrderer, "orderer")]
)
def test_a_component_that_keeps_its_promises_fails_nothing(make: Callable[[], Any], role: Role) -> None:
    report = check_postprocessor(make, role)

    report.raise_if_failed()
    assert report.passed


def test_with_slow_and_failing_variants_nothing_about_a_good_reranker_is_left_unseen() -> None:
    report = check_postprocessor(
        FakeReranker(), "reranker", slow=FakeReranker(delay_s=0.2), failing=FakeReranker(error="no answer")
    )

    assert report.failures == []
    assert [finding.assertion for finding in report.skipped] == [
        "prompts can be reached",
        "adds no node",
        "keeps scores as they are",
        "keeps the order",
        "goes by the order it is given",
    ]


def test_every_assertion_about_role_and_work_has_a_component_that_breaks_it() -> None:
    names = promises.assertion.names() + execution.assertion.names() + composition.assertion.names()

    assert names == list(dict.fromkeys(assertion for assertion, _, _ in BROKEN))


def test_the_check_can_be_made_while_an_event_loop_is_running() -> None:
    async def inside() -> bool:
        return check_postprocessor(GoodOrderer, "orderer").passed

    assert asyncio.run(inside())


def test_own_nodes_and_query_replace_the_samples() -> None:
    seen: list[Sequence[str]] = []

    class Watching(GoodOrderer):
        def kept(self, nodes: Nodes) -> Nodes:
            seen.append([each.node.node_id for each in nodes])
            return nodes

    nodes = [NodeWithScore(node=TextNode(id_=f"mine-{place}", text=str(place)), score=0.5) for place in range(3)]
    check_postprocessor(Watching, "orderer", nodes=nodes, query="mine")

    assert ["mine-2", "mine-1", "mine-0"] in seen
    assert not any("text-5" in ids for ids in seen)


def test_the_checks_leave_no_handler_behind() -> None:
    root = get_dispatcher("root")
    before = list(root.event_handlers), list(root.span_handlers)

    check_postprocessor(FakeReranker, "reranker")

    assert (list(root.event_handlers), list(root.span_handlers)) == before
