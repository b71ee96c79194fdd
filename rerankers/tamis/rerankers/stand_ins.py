"""What filters share that let one passage stand for others: who goes on, and who stood for whom."""

from collections.abc import Sequence
from typing import NamedTuple

from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.schema import NodeWithScore


class StandInsEvent(BaseEvent):
    """Which passages stood for which: pairs of (node id of the one kept, node id of the one dropped for it)."""

    n_given: int
    n_kept: int
    dropped: list[tuple[str, str]]


class Collapsed(NamedTuple):
    """The nodes that go on, the same objects in order, and the pairs of an event."""

    kept: list[NodeWithScore]
    dropped: list[tuple[str, str]]


def collapsed(nodes: Sequence[NodeWithScore], stand_ins: Sequence[int | None]) -> Collapsed:
    """Drops every node that another stands for: ``stand_ins`` has that one's place, None for a node that stays."""
    pairs = list(zip(nodes, stand_ins, strict=True))
    return Collapsed(
        [node for node, stand_in in pairs if stand_in is None],
        [(nodes[stand_in].node.node_id, node.node.node_id) for node, stand_in in pairs if stand_in is not None],
    )
