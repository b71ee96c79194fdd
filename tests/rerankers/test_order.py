"""The orders: exact formula, ties and stale scores, documents put together."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.schema import ImageNode, Node, NodeRelationship, NodeWithScore, RelatedNodeInfo, TextNode

from tamis.core.errors import BadSetting, UnknownComponent
from tamis.rerankers import DocumentOrder, EdgesOrder, RankOrder, ReverseOrder
from tamis.rerankers.order import order_named

SCORES = st.lists(st.none() | st.floats(-5, 5), max_size=25)
EVERY_ORDER = [EdgesOrder(), RankOrder(), ReverseOrder(), DocumentOrder()]


def passages(*scores: float | None) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(id_=str(at), text="x"), score=score) for at, score in enumerate(scores)]


def part(
    id_: str, document: str | None, start: int | None = None, metadata: dict[str, object] | None = None
) -> NodeWithScore:
    node = TextNode(id_=id_, text="x", start_char_idx=start, metadata=metadata or {})
    if document is not None:
        node.relationships[NodeRelationship.SOURCE] = RelatedNodeInfo(node_id=document)
    return NodeWithScore(node=node)


def ids(nodes: Sequence[NodeWithScore]) -> list[str]:
    return [node.node_id for node in nodes]


def test_edges_order_is_the_published_formula_for_every_k() -> None:
    for k in range(1, 201):
        placed = [-1] * k
        for rank in range(1, k + 1):
            place = (rank + 1) // 2 if rank % 2 else (k + 1) - rank // 2
            placed[place - 1] = rank - 1
        assert ids(EdgesOrder().postprocess_nodes(passages(*[None] * k))) == [str(rank) for rank in placed]


@pytest.mark.parametrize(
    ("k", "ranks"), [(1, "1"), (2, "12"), (3, "132"), (4, "1342"), (5, "13542"), (6, "135642"), (7, "1357642")]
)
def test_edges_order_worked_examples(k: int, ranks: str) -> None:
    order = EdgesOrder().postprocess_nodes(passages(*[0.5] * k))
    assert [int(node.node_id) + 1 for node in order] == [int(rank) for rank in ranks]


@pytest.mark.parametrize("order", EVERY_ORDER, ids=lambda order: type(order).__name__)
@settings(deadline=None)
@given(scores=SCORES)
def test_every_order_permutes_the_same_objects_and_leaves_the_list_alone(
    order: EdgesOrder, scores: list[float | None]
) -> None:
    nodes = passages(*scores)
    before = list(nodes)
    ordered = order.postprocess_nodes(nodes)
    assert sorted(map(id, ordered)) == sorted(map(id, nodes))
    assert ordered is not nodes
    assert [one is other for one, other in zip(nodes, before, strict=True)] == [True] * len(nodes)
    assert [node.score for node in nodes] == scores


@pytest.mark.parametrize("order", EVERY_ORDER, ids=lambda order: type(order).__name__)
@settings(deadline=None)
@given(scores=SCORES)
def test_every_order_goes_by_place_and_not_by_score(order: EdgesOrder, scores: list[float | None]) -> None:
    unscored = order.postprocess_nodes(passages(*[None] * len(scores)))
    assert ids(order.postprocess_nodes(passages(*scores))) == ids(unscored)


@pytest.mark.parametrize("order", EVERY_ORDER, ids=lambda order: type(order).__name__)
def test_every_order_takes_nothing_one_and_equal_ids(order: EdgesOrder) -> None:
    twins = [part("same", "d", 0), part("same", "d", 0)]
    assert order.postprocess_nodes([]) == []
    assert ids(order.postprocess_nodes(twins)) == ["same", "same"]
    assert {id(node) for node in order.postprocess_nodes(twins)} == {id(node) for node in twins}


@pytest.mark.parametrize("order", EVERY_ORDER, ids=lambda order: type(order).__name__)
def test_every_order_is_the_same_async_and_after_a_round_trip(order: EdgesOrder) -> None:
    nodes = passages(0.3, 0.2, 0.9, None)
    expected = ids(order.postprocess_nodes(nodes))
    assert ids(asyncio.run(order.apostprocess_nodes(nodes))) == expected
    assert ids(type(order).from_json(order.to_json()).postprocess_nodes(nodes)) == expected


def test_names_are_unique() -> None:
    assert len({order.class_name() for order in EVERY_ORDER}) == len(EVERY_ORDER)


def test_rank_and_reverse() -> None:
    nodes = passages(0.1, 0.9, 0.5)
    assert ids(RankOrder().postprocess_nodes(nodes)) == ["0", "1", "2"]
    assert ids(ReverseOrder().postprocess_nodes(nodes)) == ["2", "1", "0"]


class TestDocumentOrder:
    def test_documents_stand_as_they_first_appear_and_parts_as_they_start(self) -> None:
        nodes = [
            part("b2", "b", 900),
            part("a1", "a", 0),
            part("b1", "b", 100),
            part("a3", "a", 50),
            part("b0", "b", 0),
        ]
        assert ids(DocumentOrder().postprocess_nodes(nodes)) == ["b0", "b1", "b2", "a1", "a3"]

    def test_pages_of_one_file_belong_together_and_go_by_number(self) -> None:
        def page(id_: str, label: object, start: int | None = None) -> NodeWithScore:
            return part(id_, f"document-{id_}", start, {"file_path": "/a.pdf", "page_label": label})

        nodes = [page("p10", "10", 0), part("other", "x"), page("p2b", "2", 700), page("p2a", "2", 0), page("iv", "iv")]
        assert ids(DocumentOrder().postprocess_nodes(nodes)) == ["p2a", "p2b", "p10", "iv", "other"]

    def test_parts_without_a_position_follow_in_the_order_they_came(self) -> None:
        nodes = [part("u2", "a"), part("u1", "a"), part("s", "a", 5)]
        assert ids(DocumentOrder().postprocess_nodes(nodes)) == ["s", "u2", "u1"]

    def test_chunk_numbers_count_like_pages(self) -> None:
        nodes = [part("c2", "a", None, {"chunk_index": 2}), part("c1", "a", None, {"chunk_index": 1})]
        assert ids(DocumentOrder().postprocess_nodes(nodes)) == ["c1", "c2"]

    def test_nodes_without_a_document_stay_apart_and_in_order(self) -> None:
        nodes = [part("x", None, 9), part("y", None, 1)]
        assert ids(DocumentOrder().postprocess_nodes(nodes)) == ["x", "y"]

    def test_every_kind_of_node_has_a_place(self) -> None:
        nodes = [NodeWithScore(node=node) for node in (Node(id_="n"), ImageNode(id_="i"), TextNode(id_="t"))]
        assert ids(DocumentOrder().postprocess_nodes(nodes)) == ["n", "i", "t"]


def test_orders_by_name() -> None:
    assert [type(order_named(name)).__name__ for name in ("edges", "rank", "reverse", "document")] == [
        "EdgesOrder",
        "RankOrder",
        "ReverseOrder",
        "DocumentOrder",
    ]
    order = ReverseOrder()
    assert order_named(order) is order


def test_unknown_order_is_refused_with_those_that_exist() -> None:
    with pytest.raises(UnknownComponent, match='no order is called "nope"; known: edges, rank, reverse, document'):
        order_named("nope")
    with pytest.raises(BadSetting, match="the order is 5"):
        order_named(5)  # type: ignore[arg-type]
