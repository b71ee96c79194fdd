"""Each assertion about retrievers fails for a retriever that breaks just it; FixedRetriever keeps what it was given."""

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.instrumentation.events.retrieval import RetrievalStartEvent
from llama_index.core.schema import BaseNode, ImageNode, IndexNode, NodeWithScore, QueryBundle, TextNode
from llama_index_instrumentation import get_dispatcher

from tamis.core.errors import BadSetting
from tamis.testing import FixedRetriever, check_retriever
from tamis.testing.retriever import Query, assertion

Nodes = list[NodeWithScore]
dispatcher = get_dispatcher(__name__)
_LOCK = threading.Lock()

TEXTS = {
    "river": "A river carves a valley by wearing down its bed.",
    "glacier": "A glacier carves a wide valley.",
    "picnic": "The bank is a good place for a picnic.",
}
PICTURED = QueryBundle("carved by", image_path="glacier.png")
FINDS: list[tuple[Query, str]] = [("a river", "river"), (PICTURED, "glacier"), ("a photo of a valley", "photo")]


class Good(BaseRetriever):
    """Finds texts and a photo by shared words and by the image's name; each step is a method to break."""

    def __init__(self, delay_s: float = 0.0) -> None:
        super().__init__()
        self.delay_s = delay_s

    def _retrieve(self, query_bundle: QueryBundle) -> Nodes:
        time.sleep(self.delay_s)
        return self.find(query_bundle)

    async def _aretrieve(self, query_bundle: QueryBundle) -> Nodes:
        await self.wait()
        return self.afind(query_bundle)

    async def wait(self) -> None:
        await asyncio.sleep(self.delay_s)

    def afind(self, query: QueryBundle) -> Nodes:
        return self.find(query)

    def find(self, query: QueryBundle) -> Nodes:
        nodes = [TextNode(id_=id_, text=text) for id_, text in TEXTS.items()]
        nodes.append(ImageNode(id_="photo", text="a photo of a valley", image_path="valley.png"))
        return sorted(
            (NodeWithScore(node=node, score=self.one(query, node)) for node in nodes),
            key=lambda each: -(each.score or 0.0),
        )

    def one(self, query: QueryBundle, node: TextNode) -> float:
        asked, found = set(query.query_str.lower().split()), set(node.text.lower().split())
        seen = self.image_of(query)
        return len(asked & found) / 10 + (1.0 if seen and node.node_id in seen else 0.0)

    def image_of(self, query: QueryBundle) -> str | None:
        return query.image_path


class Borrowed:
    def retrieve(self, query: Query) -> Nodes:
        return []


class Unstarted(Good):
    def __init__(self, delay_s: float = 0.0) -> None:
        super().__init__(delay_s)
        del self.object_map


class SyncOnly(Good):
    pass


SyncOnly._aretrieve = BaseRetriever._aretrieve  # type: ignore[method-assign]


class Tuple(Good):
    def retrieve(self, str_or_query_bundle: Query) -> Nodes:
        return tuple(super().retrieve(str_or_query_bundle))  # type: ignore[return-value]


class Numpy(Good):
    def find(self, query: QueryBundle) -> Nodes:
        found = super().find(query)
        for each in found:
            each.score = np.float64(each.score)
        return found


class NotANumber(Good):
    def find(self, query: QueryBundle) -> Nodes:
        found = super().find(query)
        found[-1].score = float("nan")
        return found


class Unwritable(Good):
    def find(self, query: QueryBundle) -> Nodes:
        found = super().find(query)
        found[0].node.metadata["handle"] = object()
        return found


class Unsorted(Good):
    def find(self, query: QueryBundle) -> Nodes:
        found = super().find(query)
        return [found[0], *found[:0:-1]]


class Doubled(Good):
    def find(self, query: QueryBundle) -> Nodes:
        found = super().find(query)
        return [*found, found[0]]


class Upside(Good):
    def one(self, query: QueryBundle, node: TextNode) -> float:
        return super().one(query, node) + (0.5 if query.query_str == "a river" and node.node_id == "picnic" else 0.0)


class Blind(Good):
    def image_of(self, query: QueryBundle) -> str | None:
        return None


class AnotherScale(Good):
    def one(self, query: QueryBundle, node: TextNode) -> float:
        return super().one(query, node) / (100 if isinstance(node, ImageNode) else 1)


class Truthy(Good):
    def one(self, query: QueryBundle, node: TextNode) -> float:
        return super().one(query, node) or 0.01


class QueryScribbler(Good):
    def find(self, query: QueryBundle) -> Nodes:
        query.embedding = [0.0]
        return super().find(query)


class StringDeaf(Good):
    def retrieve(self, str_or_query_bundle: Query) -> Nodes:
        found = super().retrieve(str_or_query_bundle)
        return found[:1] if str_or_query_bundle == "a good picnic" else found

    async def aretrieve(self, str_or_query_bundle: Query) -> Nodes:
        found = await super().aretrieve(str_or_query_bundle)
        return found[:1] if str_or_query_bundle == "a good picnic" else found


class Drifting(Good):
    calls = 0

    def _retrieve(self, query_bundle: QueryBundle) -> Nodes:
        self.calls += 1
        return super()._retrieve(query_bundle)[: 3 if self.calls > 2 else 4]


class Lending(Good):
    def __init__(self, delay_s: float = 0.0) -> None:
        super().__init__(delay_s)
        self.kept: dict[str, Nodes] = {}

    def find(self, query: QueryBundle) -> Nodes:
        return self.kept.setdefault(str(query), super().find(query))


class AsyncOther(Good):
    def afind(self, query: QueryBundle) -> Nodes:
        found = super().afind(query)
        for each in found:
            each.score = (each.score or 0.0) * 2
        return found


class QueryLength(Good):
    def find(self, query: QueryBundle) -> Nodes:
        1 / len(query.query_str)
        return super().find(query)


class Ascii(Good):
    def find(self, query: QueryBundle) -> Nodes:
        if not query.query_str.isascii():
            raise RuntimeError("not ASCII")
        return super().find(query)


class Small(Good):
    def find(self, query: QueryBundle) -> Nodes:
        if len(query.query_str) > 100_000:
            raise RuntimeError("too long")
        return super().find(query)


class Shared(Good):
    async def _aretrieve(self, query_bundle: QueryBundle) -> Nodes:
        self.current = query_bundle
        await self.wait()
        return self.find(self.current)


class OneAtATime(Good):
    async def wait(self) -> None:
        def alone() -> None:
            with _LOCK:
                time.sleep(self.delay_s)

        await asyncio.to_thread(alone)


class Blocking(Good):
    async def wait(self) -> None:
        time.sleep(self.delay_s)  # noqa: ASYNC251 - what the assertion is about
        await asyncio.sleep(1.5 * self.delay_s)


class Uncancellable(Good):
    async def wait(self) -> None:
        try:
            await asyncio.sleep(self.delay_s)
        except asyncio.CancelledError:
            return


class TwoStarts(Good):
    def find(self, query: QueryBundle) -> Nodes:
        dispatcher.event(RetrievalStartEvent(str_or_query_bundle=query))
        return super().find(query)


class NoSyncSpan(Good):
    pass


class NoAsyncSpan(Good):
    pass


# Assigned afterwards: what is in a class's body when it is created gets its span there.
NoSyncSpan.retrieve = BaseRetriever.retrieve.__wrapped__  # type: ignore[attr-defined, method-assign]
NoSyncSpan._retrieve = Good._retrieve.__wrapped__  # type: ignore[attr-defined, method-assign]
NoAsyncSpan.aretrieve = BaseRetriever.aretrieve.__wrapped__  # type: ignore[attr-defined, method-assign]


def shy(shuns: str) -> Callable[[], BaseRetriever]:
    """A retriever that raises when a certain file of LlamaIndex is among its callers."""

    class Shy(Good):
        def find(self, query: QueryBundle) -> Nodes:
            frame: Any = sys._getframe()
            while frame is not None:
                if frame.f_code.co_filename.endswith(shuns):
                    raise RuntimeError(f"called from {shuns}")
                frame = frame.f_back
            return super().find(query)

    return Shy


class Nothing(Good):
    def find(self, query: QueryBundle) -> Nodes:
        return [] if query.query_str == "a good picnic" else super().find(query)


BROKEN: list[tuple[str, Callable[[], Any]]] = [
    ("is a BaseRetriever", Borrowed),
    ("super().__init__ was called", Unstarted),
    ("_aretrieve is its own", SyncOnly),
    ("returns a list of nodes", Tuple),
    ("finds something", Nothing),
    ("scores are Python floats", Numpy),
    ("scores are finite", NotANumber),
    ("nodes can be written as JSON", Unwritable),
    ("best first", Unsorted),
    ("node ids are unique", Doubled),
    ("finds the expected node first", Upside),
    ("the query image is used", Blind),
    ("text and image hits are fused on comparable scores", AnotherScale),
    ("score 0.0 stays 0.0", Truthy),
    ("the query bundle is not changed", QueryScribbler),
    ("a string is a query bundle without more", StringDeaf),
    ("the same query finds the same", Drifting),
    ("what is returned is the caller's own", Lending),
    ("retrieve and aretrieve agree", AsyncOther),
    ("takes an empty query", QueryLength),
    ("takes a unicode query", Ascii),
    ("takes a huge query", Small),
    ("calls at once do not mix", Shared),
    ("calls at once overlap", OneAtATime),
    ("the event loop is never blocked", Blocking),
    ("cancellation and timeouts are honoured", Uncancellable),
    ("retrieval events are balanced", TwoStarts),
    ("a span on the sync path", NoSyncSpan),
    ("a span on the async path", NoAsyncSpan),
    ("works in RetrieverQueryEngine", shy("retriever_query_engine.py")),
    ("works in CitationQueryEngine", shy("citation_query_engine.py")),
    ("works in ContextChatEngine", shy("chat_engine/context.py")),
    ("works in RetrieverTool", shy("retriever_tool.py")),
    ("works in RetrieverEvaluator", shy("retrieval/evaluator.py")),
]
IN_TIME = ("calls at once overlap", "the event loop is never blocked", "cancellation and timeouts are honoured")


def check(make: Callable[[], Any], slow: Callable[[], Any] | None = None) -> Any:
    queries = ("how does a river carve a valley", "a good picnic")
    return check_retriever(make, queries=queries, slow=slow, finds=FINDS, zero="rain")


@pytest.mark.parametrize(("name", "make"), BROKEN, ids=[name for name, _ in BROKEN])
def test_a_retriever_that_breaks_one_assertion_fails_just_that_one(name: str, make: Callable[[], Any]) -> None:
    def slow() -> Any:
        retriever = make()
        retriever.delay_s = 0.2
        return retriever

    report = check(make, slow if name in IN_TIME else None)

    assert [finding.assertion for finding in report.failures] == [name], report.failures
    assert report[name].reason


def test_every_assertion_about_retrievers_has_one_that_breaks_it() -> None:
    assert assertion.names() == [name for name, _ in BROKEN]


def test_nothing_about_a_good_retriever_is_left_unseen() -> None:
    report = check(Good, lambda: Good(delay_s=0.2))

    assert {finding.status for finding in report} == {"passed"}, report.failures


def test_an_index_node_that_turns_a_zero_into_a_one_is_found_out() -> None:
    target = TextNode(id_="target", text="what the index node stands for")
    pointer = IndexNode(id_="pointer", text="pointer", index_id="target", obj=target)

    report = check_retriever(FixedRetriever([NodeWithScore(node=pointer, score=0.0)]), zero="anything")

    assert report["score 0.0 stays 0.0"].reason == "retrieve gave [1.0]"


def test_a_fixed_retriever_returns_what_it_was_given_and_remembers_what_it_was_asked() -> None:
    nodes: list[NodeWithScore | BaseNode] = [
        NodeWithScore(node=TextNode(id_="a", text="a"), score=0.0),
        TextNode(id_="b", text="b"),
    ]
    retriever = FixedRetriever(nodes)

    first = retriever.retrieve(QueryBundle("one", image_path="one.png"))
    first[0].score = 7.0
    again = asyncio.run(retriever.aretrieve("two"))

    assert [(each.node.node_id, each.score) for each in again] == [("a", 0.0), ("b", None)]
    assert [(query.query_str, query.image_path) for query in retriever.queries] == [("one", "one.png"), ("two", None)]


@pytest.mark.parametrize("delay_s", [-1.0, float("nan"), float("inf")])
def test_a_delay_that_is_none_is_refused(delay_s: float) -> None:
    with pytest.raises(BadSetting, match="delay_s"):
        FixedRetriever([], delay_s=delay_s)
