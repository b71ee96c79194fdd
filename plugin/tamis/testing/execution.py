"""Assertions about how a postprocessor works: both paths alike, the loop free, everything reported."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from llama_index.core.callbacks import CBEventType
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.schema import NodeWithScore

from . import samples
from .assertions import Assertions, Unmet
from .event_loop import must_honour_cancellation, must_not_block, must_overlap, run
from .recording import CallbackCounter, recording
from .scored_nodes import must_agree
from .stage import Make, Stage

assertion: Assertions[Stage] = Assertions()


@assertion("sync and async give the same result")
def _sync_async(stage: Stage) -> None:
    for nodes in (stage.sample(), stage.sample()[::-1], samples.kinds(), samples.twins()):
        seen = stage.both(nodes)
        must_agree(seen["apostprocess_nodes"], seen["postprocess_nodes"], "apostprocess_nodes")


@assertion("the same call gives the same result")
def _repeatable(stage: Stage) -> None:
    component = stage.make()
    first = component.postprocess_nodes(stage.sample(), stage.asked())
    must_agree(component.postprocess_nodes(stage.sample(), stage.asked()), first, "the second call")


@assertion("calls at once do not mix")
def _separate(stage: Stage) -> None:
    component = stage.make()
    lists = [stage.sample(), stage.sample()[::-1], stage.sample()[:2], stage.sample()[1:]]

    async def all_at_once() -> list[list[NodeWithScore]]:
        return await asyncio.gather(*(component.apostprocess_nodes(each, stage.asked()) for each in copies))

    copies = [samples.copied(each) for each in lists]
    for each, seen in zip(lists, run(all_at_once()), strict=True):
        must_agree(seen, run(component.apostprocess_nodes(each, stage.asked())), "one of several calls at once")


@assertion("calls at once overlap")
def _overlap(stage: Stage) -> None:
    component = stage.slow()
    must_overlap(lambda: component.apostprocess_nodes(stage.sample(), stage.asked()))


@assertion("the event loop is never blocked")
def _unblocked(stage: Stage) -> None:
    component = stage.slow()
    must_not_block(lambda: component.apostprocess_nodes(stage.sample(), stage.asked()))


@assertion("cancellation and timeouts are honoured")
def _cancellable(stage: Stage) -> None:
    component = stage.slow()
    must_honour_cancellation(lambda: component.apostprocess_nodes(stage.sample(), stage.asked()))


@assertion("rerank events are emitted")
def _emitted(stage: Stage) -> None:
    stage.only("reranker")
    for way, (starts, ends) in _events(stage, stage.make, stage.nodes).items():
        if not starts or not ends:
            raise Unmet(f"{way} emitted {starts} ReRankStartEvent and {ends} ReRankEndEvent")


@assertion("rerank events are balanced")
def _balanced(stage: Stage) -> None:
    _must_balance(stage, stage.make, stage.nodes)


@assertion("rerank events are balanced on empty input")
def _balanced_empty(stage: Stage) -> None:
    _must_balance(stage, stage.make, [])


@assertion("rerank events are balanced on error")
def _balanced_error(stage: Stage) -> None:
    _must_balance(stage, stage.failing, stage.nodes)
    _must_balance(stage, stage.make, samples.unreadable())
    _must_balance(stage, stage.make, stage.nodes, with_query=False)


@assertion("a span on the sync path")
def _sync_span(stage: Stage) -> None:
    component = stage.make()
    with recording() as seen:
        component.postprocess_nodes(stage.sample(), stage.asked())
    if not seen.spans_of(component):
        raise Unmet("postprocess_nodes opened no span of its own")


@assertion("a span on the async path")
def _async_span(stage: Stage) -> None:
    component = stage.make()
    with recording() as seen:
        run(component.apostprocess_nodes(stage.sample(), stage.asked()))
    if not seen.spans_of(component):
        raise Unmet("apostprocess_nodes opened no span of its own: _apostprocess_nodes is not decorated")


@assertion("the RERANKING callback fires")
def _callback(stage: Stage) -> None:
    stage.only("reranker")
    for way in ("postprocess_nodes", "apostprocess_nodes"):
        component, counter = stage.make(), CallbackCounter()
        before, component.callback_manager = component.callback_manager, counter.manager()
        if way == "postprocess_nodes":
            component.postprocess_nodes(stage.sample(), stage.asked())
        else:
            run(component.apostprocess_nodes(stage.sample(), stage.asked()))
        component.callback_manager = before
        starts, ends = counter.starts[CBEventType.RERANKING], counter.ends[CBEventType.RERANKING]
        if starts != 1 or ends != 1:
            raise Unmet(f"{way} started {starts} and ended {ends} RERANKING events")


def _events(
    stage: Stage, make: Make, nodes: Sequence[NodeWithScore], with_query: bool = True
) -> dict[str, tuple[int, int]]:
    """How many Start and End events each method emits, whether it returns or raises."""
    counted = {}
    for way in ("postprocess_nodes", "apostprocess_nodes"):
        component, query = make(), stage.asked() if with_query else None
        with recording() as seen, suppress(Exception):
            if way == "postprocess_nodes":
                component.postprocess_nodes(samples.copied(list(nodes)), query)
            else:
                run(component.apostprocess_nodes(samples.copied(list(nodes)), query))
        counted[way] = seen.count(ReRankStartEvent), seen.count(ReRankEndEvent)
    return counted


def _must_balance(stage: Stage, make: Make, nodes: Sequence[NodeWithScore], with_query: bool = True) -> None:
    for way, (starts, ends) in _events(stage, make, nodes, with_query).items():
        if starts != ends:
            what = "" if with_query else " without a query"
            raise Unmet(f"{way}{what} emitted {starts} ReRankStartEvent and {ends} ReRankEndEvent")
