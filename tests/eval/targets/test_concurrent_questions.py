"""32 questions at once on one engine: each trace holds its own passages, prompt and answer, and no other's."""

import asyncio
import random
import time
from typing import Any

import pytest
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.llms.types import CompletionResponse
from llama_index.core.llms import MockLLM
from llama_index.core.llms.callbacks import llm_completion_callback
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from tamis.core.content import Content
from tamis.eval.target import Request
from tamis.eval.targets import LlamaIndexTarget
from tamis.eval.trace import Trace

MANY = 32


def pause(query: str, place: str) -> float:
    return random.Random(f"{query}:{place}").uniform(0, 0.03)


def found(query: str) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(id_=f"{query}/{i}", text=f"about {query}, {i}"), score=0.5) for i in range(3)]


class Slow(BaseRetriever):
    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        time.sleep(pause(query_bundle.query_str, "retrieve"))
        return found(query_bundle.query_str)


class SlowBothWays(Slow):
    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        await asyncio.sleep(pause(query_bundle.query_str, "retrieve"))
        return found(query_bundle.query_str)


class Backwards(BaseNodePostprocessor):
    """Synchronous: LlamaIndex runs it in a thread."""

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        time.sleep(pause(query_bundle.query_str if query_bundle else "", "back"))
        return nodes[::-1]


class Fewer(Backwards):
    """Asynchronous, without a span."""

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return nodes[:2]

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        await asyncio.sleep(pause(query_bundle.query_str if query_bundle else "", "fewer"))
        return nodes[:2]


class Echo(MockLLM):
    """Answers with the question that stands in its prompt."""

    def _said(self, prompt: str) -> str:
        return prompt.rpartition("Query: ")[2].partition("\n")[0]

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=self._said(prompt))

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        await asyncio.sleep(pause(self._said(prompt), "llm"))
        return CompletionResponse(text=self._said(prompt))

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        def parts() -> Any:
            said = ""
            for letter in self._said(prompt):
                time.sleep(0.001)
                said += letter
                yield CompletionResponse(text=said, delta=letter)

        return parts()

    @llm_completion_callback()
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        async def parts() -> Any:
            said = ""
            for letter in self._said(prompt):
                await asyncio.sleep(pause(said, "letter") / 10)
                said += letter
                yield CompletionResponse(text=said, delta=letter)

        return parts()


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("retriever", [Slow(), SlowBothWays()])
@pytest.mark.parametrize("threads", [None, True])
def test_questions_at_once_never_mix(retriever: BaseRetriever, streaming: bool, threads: bool | None) -> None:
    engine = RetrieverQueryEngine.from_args(
        retriever, llm=Echo(max_tokens=None), node_postprocessors=[Backwards(), Fewer()], streaming=streaming
    )
    target = LlamaIndexTarget(engine, threads=threads)
    questions = [f"question-{i}" for i in range(MANY)]

    async def all_of_them() -> list[Trace]:
        return await asyncio.gather(*(target.run(Request(one, Content(one))) for one in questions))

    for question, trace in zip(questions, asyncio.run(all_of_them()), strict=True):
        assert trace.answer == Content(question)
        assert [(step.name, [one.id for one in step.passages]) for step in trace.steps] == [
            ("retrieve", [f"{question}/{i}" for i in (0, 1, 2)]),
            ("Backwards", [f"{question}/{i}" for i in (2, 1, 0)]),
            ("Fewer", [f"{question}/{i}" for i in (2, 1)]),
        ]
        assert trace.prompt is not None
        assert trace.prompt.count(f"about {question}, ") == 2
        assert trace.prompt.count("about ") == 2
