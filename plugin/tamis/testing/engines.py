"""LlamaIndex's own engines around a retriever and postprocessors, answered by its mock LLM, offline."""

from collections.abc import Callable, Sequence
from typing import Any, cast

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.chat_engine import ContextChatEngine
from llama_index.core.evaluation import RetrieverEvaluator
from llama_index.core.llms import MockLLM
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import CitationQueryEngine, RetrieverQueryEngine
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.core.tools import RetrieverTool

from .assertions import CannotTell, Unmet, listed
from .event_loop import run

# A new one for every call: a stage that changes nodes must not be blamed twice.
Make = Callable[[], BaseRetriever]
Stages = Sequence[BaseNodePostprocessor]
Texts = dict[str, list[str]]
"""Which passages reached the end, in order, by the engine's method."""


def query_engine(make: Make, stages: Stages, query: str) -> Texts:
    """RetrieverQueryEngine: the source nodes of its answer."""

    def engine() -> RetrieverQueryEngine:
        return RetrieverQueryEngine.from_args(make(), llm=_llm(), node_postprocessors=list(stages))

    return {
        "query": _texts(engine().query(query).source_nodes),
        "aquery": _texts(run(engine().aquery(query)).source_nodes),
    }


def citation_engine(make: Make, stages: Stages, query: str) -> Texts:
    """CitationQueryEngine: the numbered sources, each without its number."""

    def engine() -> CitationQueryEngine:
        return CitationQueryEngine(make(), llm=_llm(), node_postprocessors=list(stages), citation_chunk_size=4_096)

    return {
        "query": [_uncited(text) for text in _texts(engine().query(query).source_nodes)],
        "aquery": [_uncited(text) for text in _texts(run(engine().aquery(query)).source_nodes)],
    }


def chat_engine(make: Make, stages: Stages, query: str) -> Texts:
    """ContextChatEngine: the source nodes of its reply."""

    def engine() -> ContextChatEngine:
        memory = ChatMemoryBuffer.from_defaults(token_limit=1_000)
        return ContextChatEngine.from_defaults(make(), llm=_llm(), memory=memory, node_postprocessors=list(stages))

    return {
        "chat": _texts(engine().chat(query).source_nodes),
        "achat": _texts(run(engine().achat(query)).source_nodes),
    }


def tool(make: Make, stages: Stages, query: str) -> Texts:
    """RetrieverTool: its raw output."""

    def found() -> RetrieverTool:
        return RetrieverTool.from_defaults(make(), node_postprocessors=list(stages))

    return {"call": _texts(found().call(query).raw_output), "acall": _texts(run(found().acall(query)).raw_output)}


def evaluator(make: Make, stages: Stages, query: str) -> Texts:
    """RetrieverEvaluator: the texts it judged. It calls the sync methods of the stages on its event loop."""

    def judge() -> RetrieverEvaluator:
        made = RetrieverEvaluator.from_metric_names(["hit_rate"], retriever=make(), node_postprocessors=list(stages))
        return cast(RetrieverEvaluator, made)

    return {
        "evaluate": judge().evaluate(query, expected_ids=["none"]).retrieved_texts,
        "aevaluate": run(judge().aevaluate(query, expected_ids=["none"])).retrieved_texts,
    }


Engine = Callable[[Make, Stages, str], Texts]
ENGINES: dict[str, Engine] = {
    "RetrieverQueryEngine": query_engine,
    "CitationQueryEngine": citation_engine,
    "ContextChatEngine": chat_engine,
    "RetrieverTool": tool,
    "RetrieverEvaluator": evaluator,
}
TOOL_ENDING = "\n\n"
"""What RetrieverTool appends to every query."""


def must_work(
    name: str, make: Make, stages: Stages, query: str, expected: Callable[[str], list[NodeWithScore]]
) -> None:
    """Raises Unmet unless the engine ends up with the nodes that ``expected`` gives for the query it asks."""
    nodes = expected(query + TOOL_ENDING if name == "RetrieverTool" else query)
    if name == "RetrieverEvaluator" and not nodes:
        raise CannotTell("nothing is left to judge, and LlamaIndex's evaluator raises on an empty result")
    if name in ("RetrieverEvaluator", "CitationQueryEngine"):
        for found in nodes:
            if not isinstance(found.node, TextNode):
                raise CannotTell(f"it cannot read a {type(found.node).__name__}, whoever found it")
    for method, texts in ENGINES[name](make, stages, query).items():
        if texts != _texts(nodes):
            raise Unmet(f"{method} ended with {listed(texts, 2)}, not with {listed(_texts(nodes), 2)}")


def _llm() -> MockLLM:
    return MockLLM(max_tokens=8)


def _texts(nodes: Any) -> list[str]:
    return [found.node.get_content() for found in nodes]


def _uncited(text: str) -> str:
    return text.split("\n", 1)[1].removesuffix("\n")
