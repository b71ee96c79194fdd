"""Assertions about what goes into a postprocessor and what comes out, whatever its role."""

from collections.abc import Callable, Sequence

from llama_index.core.schema import NodeWithScore, QueryBundle

from . import samples
from .assertions import Assertions, Unmet, listed
from .event_loop import run
from .samples import copied
from .scored_nodes import ids, must_agree, must_be_finite, must_be_json, must_be_nodes, must_be_python_floats
from .stage import Stage

WAYS = ("postprocess_nodes", "apostprocess_nodes")

assertion: Assertions[Stage] = Assertions()


@assertion("returns a list of NodeWithScore")
def _nodes(stage: Stage) -> None:
    for way, found in stage.both().items():
        must_be_nodes(found, way)


@assertion("scores are Python floats")
def _floats(stage: Stage) -> None:
    for way, found in stage.both().items():
        must_be_python_floats(found, way)


@assertion("scores are finite")
def _finite(stage: Stage) -> None:
    # Among passages that are all alike, a spread is zero and a z-score is not a number.
    for nodes in (stage.sample(), samples.twins()):
        for way, found in stage.both(nodes).items():
            must_be_finite(found, way)


@assertion("nodes can be written as JSON")
def _json(stage: Stage) -> None:
    for way, found in stage.both().items():
        must_be_json(found, way)


@assertion("the input list is not changed")
def _list_unmutated(stage: Stage) -> None:
    def check(way: str, handed: list[NodeWithScore], before: list[NodeWithScore]) -> None:
        if len(handed) != len(before) or any(one is not other for one, other in zip(handed, before, strict=True)):
            raise Unmet(f"{way} left {listed(ids(handed))} in the caller's list of {listed(ids(before))}")

    _watch(stage, check)


@assertion("the caller's scores are not changed")
def _scores_unmutated(stage: Stage) -> None:
    scores = [found.score for found in stage.nodes]
    nodes = [found.node for found in stage.nodes]

    def check(way: str, handed: list[NodeWithScore], before: list[NodeWithScore]) -> None:
        if [found.score for found in before] != scores:
            raise Unmet(f"{way} left {listed([found.score for found in before])}, not {listed(scores)}")
        if [found.node.node_id for found in before] != [node.node_id for node in nodes]:
            raise Unmet(f"{way} put other nodes into the caller's NodeWithScore objects")

    _watch(stage, check)


@assertion("the caller's nodes and metadata are not changed")
def _nodes_unmutated(stage: Stage) -> None:
    untouched = {found.node.node_id: found.node for found in copied(list(stage.nodes))}

    def check(way: str, handed: list[NodeWithScore], before: list[NodeWithScore]) -> None:
        for found in before:
            expected = untouched.get(found.node.node_id)
            if expected is not None and found.node != expected:
                now, then = found.node.to_dict(), expected.to_dict()
                raise Unmet(f"{way} changed {listed([key for key in now if now[key] != then.get(key)])}")

    _watch(stage, check)


@assertion("the query bundle is not changed")
def _query_unmutated(stage: Stage) -> None:
    for way in WAYS:
        component, handed, before = stage.make(), stage.asked(), stage.asked()
        if way == "postprocess_nodes":
            component.postprocess_nodes(stage.sample(), handed)
        else:
            run(component.apostprocess_nodes(stage.sample(), handed))
        for name in ("query_str", "image_path", "custom_embedding_strs", "embedding"):
            if getattr(handed, name) != getattr(before, name):
                raise Unmet(f"{way} left another {name} in the caller's query bundle")


@assertion("an empty list gives an empty list")
def _empty(stage: Stage) -> None:
    for way, found in stage.both([]).items():
        if found:
            raise Unmet(f"{way} gave {listed(ids(found))}")


@assertion("a missing query raises ValueError")
def _no_query(stage: Stage) -> None:
    for way in WAYS:
        try:
            found = _called(stage, way)
        except ValueError:
            continue
        if stage.needs_query:
            raise Unmet(f"{way} returned {listed(ids(found), 3)} for no query at all")


@assertion("two queries raise ValueError")
def _two_queries(stage: Stage) -> None:
    for way in WAYS:
        try:
            _called(stage, way, stage.asked(), stage.query.query_str)
        except ValueError:
            continue
        raise Unmet(f"{way} took query_bundle and query_str at once")


@assertion("query_str is a query bundle without more")
def _query_str(stage: Stage) -> None:
    text = stage.query.query_str
    for way in WAYS:
        must_agree(_called(stage, way, text=text), _called(stage, way, QueryBundle(text)), f"{way} with query_str")


@assertion("takes every kind of node")
def _kinds(stage: Stage) -> None:
    _must_take(stage, samples.kinds())


@assertion("takes unicode")
def _unicode(stage: Stage) -> None:
    _must_take(stage, samples.unicode_texts(), QueryBundle(samples.UNICODE_QUERY))


@assertion("takes empty and very long texts")
def _extremes(stage: Stage) -> None:
    _must_take(stage, samples.extremes())


@assertion("takes a single node")
def _single(stage: Stage) -> None:
    _must_take(stage, stage.sample()[:1])


@assertion("takes nodes without scores")
def _unscored(stage: Stage) -> None:
    _must_take(stage, samples.unscored())


@assertion("takes duplicate node ids")
def _same_ids(stage: Stage) -> None:
    _must_take(stage, samples.same_ids())


@assertion("takes an empty query")
def _empty_query(stage: Stage) -> None:
    # Refusing it in so many words is as good as taking it.
    try:
        _must_take(stage, stage.sample()[:2], QueryBundle(""))
    except ValueError as error:
        if not str(error):
            raise


def _called(stage: Stage, way: str, bundle: QueryBundle | None = None, text: str | None = None) -> list[NodeWithScore]:
    if way == "postprocess_nodes":
        return stage.make().postprocess_nodes(stage.sample(), bundle, text)
    return run(stage.make().apostprocess_nodes(stage.sample(), bundle, text))


def _watch(stage: Stage, check: Callable[[str, list[NodeWithScore], list[NodeWithScore]], None]) -> None:
    """Calls both methods and then ``check`` with the list handed over and with what it held before."""
    handed = stage.sample()
    before = list(handed)
    stage.make().postprocess_nodes(handed, stage.asked())
    check("postprocess_nodes", handed, before)
    handed = stage.sample()
    before = list(handed)
    run(stage.make().apostprocess_nodes(handed, stage.asked()))
    check("apostprocess_nodes", handed, before)


def _must_take(stage: Stage, nodes: Sequence[NodeWithScore], query: QueryBundle | None = None) -> None:
    """Both methods return: the same nodes where the role keeps them all, otherwise none that was not there."""
    handed = {found.node.node_id: type(found.node) for found in nodes}
    for way, found in stage.both(nodes, query).items():
        if stage.role in ("reranker", "orderer") and sorted(ids(found)) != sorted(ids(nodes)):
            raise Unmet(f"{way} made {listed(ids(found))} of {listed(ids(nodes))}")
        for each in found:
            if stage.role != "any" and handed.get(each.node.node_id) is not type(each.node):
                raise Unmet(f"{way} returned {each.node.node_id} as a {type(each.node).__name__}")
