"""A retriever that finds the same nodes whatever it is asked."""

import asyncio
import math
import time
from collections.abc import Sequence

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import BaseNode, NodeWithScore, QueryBundle

from tamis.core.errors import BadSetting


class FixedRetriever(BaseRetriever):
    """Returns the nodes it was made with, in their order, after ``delay_s`` seconds, and remembers each query.

    A bare node gets no score. Each call hands out new ``NodeWithScore`` objects (of the same class) around the
    same nodes, so that a later stage that assigns scores cannot change what the next call returns.
    """

    def __init__(self, nodes: Sequence[NodeWithScore | BaseNode], delay_s: float = 0.0) -> None:
        if not (math.isfinite(delay_s) and delay_s >= 0):
            raise BadSetting(f"delay_s is {delay_s}; it must be a number of seconds, 0 or more")
        super().__init__()
        self.nodes = [NodeWithScore(node=node) if isinstance(node, BaseNode) else node for node in nodes]
        self.delay_s = delay_s
        self.queries: list[QueryBundle] = []

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        time.sleep(self.delay_s)
        return self._answer(query_bundle)

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        await asyncio.sleep(self.delay_s)
        return self._answer(query_bundle)

    def _answer(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        self.queries.append(query_bundle)
        return [node.model_copy() for node in self.nodes]
