"""Assertions about a postprocessor among others: in LlamaIndex's engines and in a chain."""

from functools import partial

from llama_index.core.postprocessor import LongContextReorder, SimilarityPostprocessor

from .assertions import Assertions, Unmet, listed
from .engines import ENGINES, must_work
from .event_loop import run
from .fixed_retriever import FixedRetriever
from .scored_nodes import ids
from .stage import Stage

assertion: Assertions[Stage] = Assertions()


def _works_in(engine: str, stage: Stage) -> None:
    component = stage.make()
    before = component.callback_manager
    try:
        text = stage.query.query_str
        must_work(engine, lambda: FixedRetriever(stage.sample()), [component], text, stage.direct)
    finally:
        component.callback_manager = before


for _engine in ENGINES:
    assertion(f"works in {_engine}")(partial(_works_in, _engine))


@assertion("chains with SimilarityPostprocessor")
def _similarity(stage: Stage) -> None:
    passing = SimilarityPostprocessor(similarity_cutoff=sorted(each.score or 0.0 for each in stage.nodes)[-3])
    few = passing.postprocess_nodes(stage.sample(), stage.asked())
    for way, found in stage.both(few).items():
        if stage.role in ("reranker", "orderer") and sorted(ids(found)) != sorted(ids(few)):
            raise Unmet(f"{way} after SimilarityPostprocessor made {listed(ids(found))} of {listed(ids(few))}")
        if stage.role == "selector" and not set(ids(found)) <= set(ids(few)):
            raise Unmet(f"{way} after SimilarityPostprocessor added nodes: {listed(ids(found))}")
    direct = stage.direct()
    scores = sorted(each.score for each in direct if each.score is not None)
    if scores:
        cutoff = scores[len(scores) // 2]
        expected = [each.node.node_id for each in direct if each.score is not None and each.score >= cutoff]
        rest = SimilarityPostprocessor(similarity_cutoff=cutoff).postprocess_nodes(direct, stage.asked())
        if ids(rest) != expected:
            raise Unmet(f"SimilarityPostprocessor kept {listed(ids(rest))} of its nodes, not {listed(expected)}")


@assertion("chains with LongContextReorder")
def _reorder(stage: Stage) -> None:
    direct = stage.direct()
    reordered = LongContextReorder().postprocess_nodes(stage.sample(), stage.asked())
    for way, found in stage.both(reordered).items():
        if stage.role in ("reranker", "orderer") and sorted(ids(found)) != sorted(ids(direct)):
            raise Unmet(f"{way} after LongContextReorder made {listed(ids(found))} of {listed(ids(reordered))}")
        if stage.role == "selector" and not set(ids(found)) <= set(ids(reordered)):
            raise Unmet(f"{way} after LongContextReorder added nodes: {listed(ids(found))}")
    rest = run(LongContextReorder().apostprocess_nodes(direct, stage.asked()))
    if sorted(ids(rest)) != sorted(ids(direct)):
        raise Unmet(f"LongContextReorder made {listed(ids(rest))} of its nodes")
