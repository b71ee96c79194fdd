"""ListwiseReranker after its deadline: nothing more is asked, and every window that is left has failed."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from llama_index.core.schema import NodeWithScore, TextNode

from tamis.models.template import Prompt
from tamis.rerankers.listwise.sliding import ListwiseReranker


@dataclass
class Hangs:
    """A chooser that answers when the gate is opened; counts how often it is asked."""

    gate: threading.Event = field(default_factory=threading.Event)
    asked: list[int] = field(default_factory=list)

    def choose(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]]) -> list[list[float | None]]:
        self.asked.append(len(prompts))
        self.gate.wait(60)
        return [[0.0] * len(row) for row in labels]

    async def achoose(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]]) -> list[list[float | None]]:
        self.asked.append(len(prompts))
        await asyncio.sleep(60)
        return []


@pytest.mark.parametrize("way", ["sync", "async", "many"])
def test_after_the_deadline_no_window_is_asked_for(way: str) -> None:
    nodes: list[Any] = [NodeWithScore(node=TextNode(id_=str(at), text=f"passage {at}")) for at in range(60)]
    model = Hangs()
    reranker = ListwiseReranker(model, deadline_s=0.2)
    if way == "sync":
        found = reranker.postprocess_nodes(nodes, query_str="q")
    elif way == "async":
        found = asyncio.run(reranker.apostprocess_nodes(nodes, query_str="q"))
    else:
        (found,) = reranker.rerank_many(["q"], [nodes])
    model.gate.set()
    assert model.asked == [1]
    assert [node.node_id for node in found] == [node.node_id for node in nodes]
    event = reranker.last
    assert event is not None
    assert (event.details["windows"], event.details["failed"]) == (5, 5)
    assert event.reasons == {"a window failed: the deadline of 0.2 s": 5}
