"""A postprocessor under test, with the query and the nodes it is tried on."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle

from .assertions import CannotTell
from .event_loop import run
from .samples import copied

Role = Literal["reranker", "selector", "orderer", "any"]
Make = Callable[[], BaseNodePostprocessor]


@dataclass(frozen=True)
class Stage:
    """What an assertion about a postprocessor is made with; every component and node it hands out is new."""

    make: Make
    role: Role
    query: QueryBundle
    nodes: tuple[NodeWithScore, ...]
    needs_query: bool
    slow: Make
    failing: Make

    def sample(self) -> list[NodeWithScore]:
        """The plain passages, best first."""
        return copied(list(self.nodes))

    def asked(self) -> QueryBundle:
        """The query, a new object."""
        return copy.deepcopy(self.query)

    def only(self, *roles: Role) -> None:
        """Raises CannotTell where the component has none of these roles."""
        if self.role not in roles:
            raise CannotTell(f"it is a promise of every {' and '.join(roles)}, not of {_a(self.role)}")

    def both(
        self, nodes: Sequence[NodeWithScore] | None = None, query: QueryBundle | None = None
    ) -> dict[str, list[NodeWithScore]]:
        """What comes out by the sync and by the async method, for copies of the nodes (by default the passages)."""
        handed = list(self.nodes if nodes is None else nodes)
        asked = self.query if query is None else query
        return {
            "postprocess_nodes": self.make().postprocess_nodes(copied(handed), copy.deepcopy(asked)),
            "apostprocess_nodes": run(self.make().apostprocess_nodes(copied(handed), copy.deepcopy(asked))),
        }

    def direct(self, query: str | None = None) -> list[NodeWithScore]:
        """What comes out for the passages by the sync method."""
        asked = self.asked() if query is None else QueryBundle(query)
        return self.make().postprocess_nodes(self.sample(), asked)


def _a(role: Role) -> str:
    return {"reranker": "a reranker", "selector": "a selector", "orderer": "an orderer", "any": "any stage"}[role]
