"""What every list of scored nodes that leaves a component has to be, and how two such lists compare."""

import math
from collections.abc import Sequence
from itertools import pairwise

from llama_index.core.schema import NodeWithScore

from .assertions import Unmet, listed

TOLERANCE = 1e-6
"""How far two scores of the same node may be apart, relative to the greater: floating point sums differ."""


def ids(nodes: Sequence[NodeWithScore]) -> list[str]:
    """The nodes' ids, in order."""
    return [found.node.node_id for found in nodes]


def must_be_nodes(nodes: object, where: str) -> list[NodeWithScore]:
    """The list itself. Raises Unmet unless it is a list of NodeWithScore."""
    if not isinstance(nodes, list):
        raise Unmet(f"{where} returned a {type(nodes).__name__}, not a list")
    for found in nodes:
        if not isinstance(found, NodeWithScore):
            raise Unmet(f"{where} returned a {type(found).__name__} in its list, not a NodeWithScore")
    return nodes


def must_be_python_floats(nodes: Sequence[NodeWithScore], where: str) -> None:
    """Raises Unmet if a score is neither None nor a Python float."""
    for found in nodes:
        if found.score is not None and type(found.score) is not float:
            kind = type(found.score)
            raise Unmet(f"{where} gave {found.node.node_id} a score of type {kind.__module__}.{kind.__qualname__}")


def must_be_finite(nodes: Sequence[NodeWithScore], where: str) -> None:
    """Raises Unmet if a score is NaN or infinite."""
    for found in nodes:
        if found.score is not None and not math.isfinite(found.score):
            raise Unmet(f"{where} gave {found.node.node_id} the score {found.score}")


def must_be_json(nodes: Sequence[NodeWithScore], where: str) -> None:
    """Raises Unmet if a node cannot be written as JSON, as traces and servers do."""
    for found in nodes:
        try:
            found.to_json()
        except (TypeError, ValueError) as error:
            raise Unmet(f"{where}: {found.node.node_id} cannot be written as JSON: {error}") from error


def must_be_best_first(nodes: Sequence[NodeWithScore], where: str) -> None:
    """Raises Unmet if a score is greater than one before it, or stands behind an unscored node."""
    scores = [-math.inf if found.score is None else found.score for found in nodes]
    for place, (one, other) in enumerate(pairwise(scores)):
        if other > one:
            raise Unmet(f"{where} has score {nodes[place].score} at place {place + 1} before {nodes[place + 1].score}")


def must_agree(seen: Sequence[NodeWithScore], expected: Sequence[NodeWithScore], what: str) -> None:
    """Raises Unmet unless both have the same ids in the same order with the same scores."""
    if ids(seen) != ids(expected):
        raise Unmet(f"{what} gave {listed(ids(seen))}, not {listed(ids(expected))}")
    for one, other in zip(seen, expected, strict=True):
        if not _same(one.score, other.score):
            raise Unmet(f"{what} gave {one.node.node_id} the score {one.score}, not {other.score}")


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return one == other or (one != one and other != other) or abs(one - other) <= TOLERANCE * max(abs(one), abs(other))
