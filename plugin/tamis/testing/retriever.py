"""Holds a retriever to LlamaIndex's contract and to what users of it rely on."""

import asyncio
import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import CallbackManager
from llama_index.core.instrumentation.events.retrieval import RetrievalEndEvent, RetrievalStartEvent
from llama_index.core.schema import ImageNode, Node, NodeWithScore, QueryBundle

from .assertions import Assertions, CannotTell, Unmet, listed, named
from .engines import ENGINES, must_work
from .event_loop import must_honour_cancellation, must_not_block, must_overlap, run
from .recording import recording
from .report import ConformanceReport
from .samples import QUERY, UNICODE_QUERY
from .scored_nodes import (
    ids,
    must_agree,
    must_be_best_first,
    must_be_finite,
    must_be_json,
    must_be_nodes,
    must_be_python_floats,
)

Query = QueryBundle | str

assertion: "Assertions[_Subject]" = Assertions()


@dataclass(frozen=True)
class _Subject:
    make: Callable[[], BaseRetriever]
    slow: Callable[[], BaseRetriever]
    queries: tuple[Query, ...]
    finds: tuple[tuple[Query, str], ...]
    zero: Query | None

    def all_queries(self) -> list[Query]:
        return [*self.queries, *(query for query, _ in self.finds)]

    def results(self) -> Iterator[tuple[str, list[NodeWithScore]]]:
        """What every query finds on both paths, each with words for where it comes from."""
        for query in self.all_queries():
            for way, nodes in both(self.make(), query).items():
                yield f"{way}({_shown(query)})", nodes


def check_retriever(
    retriever: BaseRetriever | Callable[[], BaseRetriever],
    *,
    queries: Sequence[Query] = (QUERY,),
    slow: BaseRetriever | Callable[[], BaseRetriever] | None = None,
    finds: Sequence[tuple[Query, str]] = (),
    zero: Query | None = None,
) -> ConformanceReport:
    """Makes every assertion about a retriever, or about what a factory makes, and reports on each.

    ``queries`` should find something. ``slow`` is the same retriever over a store or model that takes 0.2 s or more:
    without it, blocking, overlap and cancellation cannot be seen where the retriever itself is quick. ``finds`` are
    queries with the id of the node that must come first: one with an image in it shows that query images are seen,
    a text query whose node is a picture that scores of texts and pictures can be compared. ``zero`` is a query
    for which a node is found whose score is 0.0.

    >>> from llama_index.core.schema import NodeWithScore, TextNode
    >>> from tamis.testing import FixedRetriever
    >>> nodes = [NodeWithScore(node=TextNode(id_="a", text="a river"), score=0.0)]
    >>> report = check_retriever(
    ...     FixedRetriever(nodes), slow=FixedRetriever(nodes, delay_s=0.2), finds=[("river", "a")], zero="river"
    ... )
    >>> report.failures, [finding.assertion for finding in report.skipped]
    ([], ['the query image is used', 'text and image hits are fused on comparable scores'])
    """
    make = _factory(retriever)
    subject = _Subject(
        make=make,
        slow=make if slow is None else _factory(slow),
        queries=tuple(queries),
        finds=tuple(finds),
        zero=zero,
    )
    return assertion.judge(named(make), subject)


def both(retriever: BaseRetriever, query: Query) -> dict[str, list[NodeWithScore]]:
    """What a query finds by ``retrieve`` and by ``aretrieve``, each asked with a query bundle of its own."""
    return {
        "retrieve": retriever.retrieve(copy.deepcopy(query)),
        "aretrieve": run(retriever.aretrieve(copy.deepcopy(query))),
    }


def _factory(retriever: BaseRetriever | Callable[[], BaseRetriever]) -> Callable[[], BaseRetriever]:
    if callable(retriever) and (isinstance(retriever, type) or not hasattr(retriever, "retrieve")):
        return retriever
    component = cast(BaseRetriever, retriever)
    return lambda: component


def _bundle(query: Query) -> QueryBundle:
    return QueryBundle(query) if isinstance(query, str) else copy.deepcopy(query)


def _shown(query: Query) -> str:
    bundle = _bundle(query)
    return f"{bundle.query_str[:40]!r}{', with an image' if bundle.image_path else ''}"


@assertion("is a BaseRetriever")
def _is_a_retriever(subject: _Subject) -> None:
    retriever: object = subject.make()
    if not isinstance(retriever, BaseRetriever):
        raise Unmet(f"{type(retriever).__name__} does not inherit from BaseRetriever")


@assertion("super().__init__ was called")
def _initialised(subject: _Subject) -> None:
    retriever = subject.make()
    if not isinstance(getattr(retriever, "object_map", None), dict):
        raise Unmet("there is no object_map: any IndexNode it returns raises AttributeError")
    if not isinstance(getattr(retriever, "callback_manager", None), CallbackManager):
        raise Unmet("there is no callback_manager")


@assertion("_aretrieve is its own")
def _async_of_its_own(subject: _Subject) -> None:
    if type(subject.make())._aretrieve is BaseRetriever._aretrieve:
        raise Unmet("the inherited _aretrieve runs the blocking _retrieve on the event loop")


@assertion("returns a list of nodes")
def _nodes(subject: _Subject) -> None:
    for where, nodes in subject.results():
        must_be_nodes(nodes, where)


@assertion("finds something")
def _something(subject: _Subject) -> None:
    for where, nodes in subject.results():
        if not nodes:
            raise Unmet(f"{where} found nothing; the queries must find something to say anything")


@assertion("scores are Python floats")
def _floats(subject: _Subject) -> None:
    for where, nodes in subject.results():
        must_be_python_floats(nodes, where)


@assertion("scores are finite")
def _finite(subject: _Subject) -> None:
    for where, nodes in subject.results():
        must_be_finite(nodes, where)


@assertion("nodes can be written as JSON")
def _json(subject: _Subject) -> None:
    for where, nodes in subject.results():
        must_be_json(nodes, where)


@assertion("best first")
def _best_first(subject: _Subject) -> None:
    for where, nodes in subject.results():
        must_be_best_first(nodes, where)


@assertion("node ids are unique")
def _unique(subject: _Subject) -> None:
    # LlamaIndex's recursion drops later nodes of the same id, so only what goes into it can tell.
    for query in subject.all_queries():
        retriever = subject.make()
        for way, nodes in (
            ("_retrieve", retriever._retrieve(_bundle(query))),
            ("_aretrieve", run(retriever._aretrieve(_bundle(query)))),
        ):
            found = ids(nodes)
            twice = sorted({id_ for id_ in found if found.count(id_) > 1})
            if twice:
                raise Unmet(f"{way}({_shown(query)}) returned {listed(twice)} more than once")


@assertion("finds the expected node first")
def _finds(subject: _Subject) -> None:
    cases = [case for case in subject.finds if not _bundle(case[0]).image_path and not _is_pictured(subject, case)]
    if not cases:
        raise CannotTell("pass finds=, text queries with the id of the node that must come first")
    _must_find(subject, cases)


@assertion("the query image is used")
def _query_image(subject: _Subject) -> None:
    cases = [case for case in subject.finds if _bundle(case[0]).image_path]
    if not cases:
        raise CannotTell("pass finds= with a query that has an image_path, for a retriever that sees images")
    _must_find(subject, cases)


@assertion("text and image hits are fused on comparable scores")
def _fused(subject: _Subject) -> None:
    cases = [case for case in subject.finds if not _bundle(case[0]).image_path and _is_pictured(subject, case)]
    if not cases:
        raise CannotTell("pass finds= with a text query whose node is one with an image, among nodes without")
    _must_find(subject, cases)


@assertion("score 0.0 stays 0.0")
def _zero(subject: _Subject) -> None:
    if subject.zero is None:
        raise CannotTell("pass zero=, a query for which a node is found whose score is 0.0")
    for way, nodes in both(subject.make(), subject.zero).items():
        if not any(found.score == 0.0 for found in nodes):
            raise Unmet(f"{way} gave {listed([found.score for found in nodes])}")


@assertion("the query bundle is not changed")
def _query_unmutated(subject: _Subject) -> None:
    for query in subject.all_queries():
        for way in ("retrieve", "aretrieve"):
            retriever, handed, before = subject.make(), _bundle(query), _bundle(query)
            if way == "retrieve":
                retriever.retrieve(handed)
            else:
                run(retriever.aretrieve(handed))
            for name in ("query_str", "image_path", "custom_embedding_strs", "embedding"):
                if getattr(handed, name) != getattr(before, name):
                    raise Unmet(f"{way} left another {name} in the caller's query bundle")


@assertion("a string is a query bundle without more")
def _string(subject: _Subject) -> None:
    for query in subject.queries:
        if isinstance(query, str):
            must_agree(
                both(subject.make(), query)["retrieve"], both(subject.make(), _bundle(query))["retrieve"], "a str"
            )


@assertion("the same query finds the same")
def _repeatable(subject: _Subject) -> None:
    retriever = subject.make()
    first = [[copy.copy(found) for found in retriever.retrieve(_bundle(query))] for query in subject.all_queries()]
    for query, nodes in zip(subject.all_queries(), first, strict=True):
        must_agree(retriever.retrieve(_bundle(query)), nodes, f"{_shown(query)}, asked again,")


@assertion("what is returned is the caller's own")
def _owned(subject: _Subject) -> None:
    for query in subject.all_queries():
        retriever = subject.make()
        first = retriever.retrieve(_bundle(query))
        kept = [copy.copy(found) for found in first]
        for found in first:
            found.score = -12_345.0
        must_agree(retriever.retrieve(_bundle(query)), kept, "after the caller changed a result, the next call")


@assertion("retrieve and aretrieve agree")
def _sync_async(subject: _Subject) -> None:
    for query in subject.all_queries():
        seen = both(subject.make(), query)
        must_agree(seen["aretrieve"], seen["retrieve"], f"aretrieve({_shown(query)})")


@assertion("takes an empty query")
def _empty_query(subject: _Subject) -> None:
    _must_answer(subject, "")


@assertion("takes a unicode query")
def _unicode_query(subject: _Subject) -> None:
    _must_answer(subject, UNICODE_QUERY)


@assertion("takes a huge query")
def _huge_query(subject: _Subject) -> None:
    _must_answer(subject, "river valley " * 80_000)


@assertion("calls at once do not mix")
def _separate(subject: _Subject) -> None:
    retriever = subject.make()
    queries = [*subject.all_queries(), "a bank for a picnic", *subject.all_queries()]

    async def all_at_once() -> list[list[NodeWithScore]]:
        return await asyncio.gather(*(retriever.aretrieve(_bundle(query)) for query in queries))

    for query, seen in zip(queries, run(all_at_once()), strict=True):
        must_agree(seen, run(retriever.aretrieve(_bundle(query))), f"{_shown(query)} among other calls")


@assertion("calls at once overlap")
def _overlap(subject: _Subject) -> None:
    retriever = subject.slow()
    must_overlap(lambda: retriever.aretrieve(_bundle(subject.queries[0])))


@assertion("the event loop is never blocked")
def _unblocked(subject: _Subject) -> None:
    retriever = subject.slow()
    must_not_block(lambda: retriever.aretrieve(_bundle(subject.queries[0])))


@assertion("cancellation and timeouts are honoured")
def _cancellable(subject: _Subject) -> None:
    retriever = subject.slow()
    must_honour_cancellation(lambda: retriever.aretrieve(_bundle(subject.queries[0])))


@assertion("retrieval events are balanced")
def _events(subject: _Subject) -> None:
    with recording() as seen:
        both(subject.make(), subject.queries[0])
    starts, ends = seen.count(RetrievalStartEvent), seen.count(RetrievalEndEvent)
    if starts != ends or starts < 2:
        raise Unmet(f"two calls emitted {starts} RetrievalStartEvent and {ends} RetrievalEndEvent")


@assertion("a span on the sync path")
def _sync_span(subject: _Subject) -> None:
    retriever = subject.make()
    with recording() as seen:
        retriever.retrieve(_bundle(subject.queries[0]))
    if not seen.spans_of(retriever):
        raise Unmet("retrieve opened no span of its own")


@assertion("a span on the async path")
def _async_span(subject: _Subject) -> None:
    retriever = subject.make()
    with recording() as seen:
        run(retriever.aretrieve(_bundle(subject.queries[0])))
    if not seen.spans_of(retriever):
        raise Unmet("aretrieve opened no span of its own")


def _works_in(engine: str, subject: _Subject) -> None:
    query = _bundle(subject.queries[0]).query_str
    must_work(engine, subject.make, [], query, lambda asked: subject.make().retrieve(asked))


for _engine in ENGINES:
    assertion(f"works in {_engine}")(partial(_works_in, _engine))


def _must_find(subject: _Subject, expected: Sequence[tuple[Query, str]]) -> None:
    for query, id_ in expected:
        for way, nodes in both(subject.make(), query).items():
            if not nodes or nodes[0].node.node_id != id_:
                raise Unmet(f"{way}({_shown(query)}) found {listed(ids(nodes), 3)}; {id_} had to come first")


def _must_answer(subject: _Subject, query: str) -> None:
    """Nodes, or a ValueError that says what is wrong with the query; the same on both paths."""
    retriever = subject.make()
    try:
        retriever.retrieve(query)
    except ValueError as error:
        try:
            run(retriever.aretrieve(query))
        except type(error):
            return
        raise Unmet(f"retrieve raised {type(error).__name__}, aretrieve did not") from error
    run(retriever.aretrieve(query))


def _is_pictured(subject: _Subject, case: tuple[Query, str]) -> bool:
    """Whether the expected node is found and has an image."""
    query, id_ = case
    return any(found.node.node_id == id_ and _has_image(found) for found in subject.make().retrieve(_bundle(query)))


def _has_image(found: NodeWithScore) -> bool:
    node = found.node
    return isinstance(node, ImageNode) or (isinstance(node, Node) and node.image_resource is not None)
