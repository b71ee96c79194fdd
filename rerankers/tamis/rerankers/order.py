"""Where passages stand in a long context: the same nodes in another order, and nothing else."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import BaseNode, NodeWithScore, QueryBundle

from tamis.core.errors import BadSetting, UnknownComponent

from .stage import Stage

T = TypeVar("T")
PAGE_KEYS = ("page_label", "page_number", "page", "chunk_index")


def edges_order(ranked: Sequence[T]) -> list[T]:
    """Best first in, best at both edges out: rank i goes to (i+1)/2 if i is odd, else to (k+1) - i/2, from 1.

    Source: "Long-Context LLMs Meet RAG" (2024). The best is first at every length, odd or even.

    >>> edges_order([1, 2, 3, 4])
    [1, 3, 4, 2]
    >>> edges_order([1, 2, 3, 4, 5])
    [1, 3, 5, 4, 2]
    """
    return [*ranked[::2], *reversed(ranked[1::2])]


def document_order(nodes: Sequence[NodeWithScore]) -> list[NodeWithScore]:
    """Passages of one document together and as they stand in it; documents as they first appear.

    A document is the file a node's metadata name (``file_path``: readers make one LlamaIndex document of each page),
    else its source document's id, else the node by itself. Within it: by page, then by start character, whichever are
    known; passages that tell neither follow in the order they came.
    """
    first_seen: dict[str, int] = {}
    for node in nodes:
        first_seen.setdefault(source_of(node.node), len(first_seen))
    return sorted(nodes, key=lambda node: (first_seen[source_of(node.node)], *position_in_source(node.node)))


def source_of(node: BaseNode) -> str:
    """What document a node is from."""
    path = node.metadata.get("file_path")
    if isinstance(path, str) and path:
        return f"file {path}"
    source = node.source_node
    return f"document {source.node_id}" if source is not None else f"node {node.node_id}"


def position_in_source(node: BaseNode) -> tuple[bool, int, bool, int]:
    """Page and start character for sorting; what is unknown sorts behind what is known."""
    page = next((page for key in PAGE_KEYS if (page := whole_number(node.metadata.get(key))) is not None), None)
    start = whole_number(getattr(node, "start_char_idx", None))
    return (page is None, page or 0, start is None, start or 0)


def whole_number(value: object) -> int | None:
    """An int, or a string of digits as one; anything else is None.

    >>> whole_number("12"), whole_number("iv"), whole_number(True)
    (12, None, None)
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    return None


class EdgesOrder(Stage):
    """Puts the best passages at both edges of the context and the weakest in the middle, the best one first.

    Goes by the order it is given, best first, and not by scores, which a listwise reranker leaves stale.
    """

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return edges_order(nodes)


class RankOrder(Stage):
    """Leaves passages in the order they are given: best first."""

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return list(nodes)


class ReverseOrder(Stage):
    """Turns the order round: the best passage last, next to the question in most prompts."""

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return list(reversed(nodes))


class DocumentOrder(Stage):
    """Puts passages of one document together and in reading order; documents stay as they first appear."""

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return document_order(nodes)


ORDERS: Mapping[str, type[Stage]] = {
    "edges": EdgesOrder,
    "rank": RankOrder,
    "reverse": ReverseOrder,
    "document": DocumentOrder,
}


def order_named(order: str | BaseNodePostprocessor) -> BaseNodePostprocessor:
    """The order of that name ("edges", "rank", "reverse", "document"), or the postprocessor itself.

    Raises UnknownComponent for another name, BadSetting for anything else.

    >>> order_named("edges").class_name()
    'TamisEdgesOrder'
    """
    if isinstance(order, BaseNodePostprocessor):
        return order
    if not isinstance(order, str):
        raise BadSetting(f"the order is {order!r}; it must be a postprocessor or one of {', '.join(ORDERS)}")
    if order not in ORDERS:
        raise UnknownComponent(f'no order is called "{order}"; known: {", ".join(ORDERS)}')
    return ORDERS[order]()
