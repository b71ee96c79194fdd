"""A LlamaIndex pipeline with a part that has no async side is asked in threads, so that it can be let go."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.base.response.schema import Response
from llama_index.core.chat_engine import ContextChatEngine
from llama_index.core.indices.query.query_transform.base import IdentityQueryTransform
from llama_index.core.llms import CompletionResponse, CompletionResponseGen, CustomLLM, LLMMetadata, MockLLM
from llama_index.core.llms.callbacks import llm_completion_callback
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.query_engine import CustomQueryEngine, RetrieverQueryEngine, TransformQueryEngine
from llama_index.core.schema import NodeWithScore, TextNode

from tamis.core.content import Content
from tamis.eval.target import Request
from tamis.eval.targets import LlamaIndexTarget
from tamis.eval.targets.llamaindex.blocking import blocks
from tamis.testing import FixedRetriever

NODES = [NodeWithScore(node=TextNode(id_="d0", text="passage"), score=0.5)]
gate = threading.Event()


class Synchronous(CustomLLM):
    """Answers when the gate opens, and holds up whoever asks it until then."""

    is_chat_model: bool = False

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_chat_model=self.is_chat_model)

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        gate.wait(20)
        return CompletionResponse(text="text")

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        yield self.complete(prompt)


class Completes(Synchronous):
    """Has an async side of its own for prompts, and none for messages."""

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text="text")


class Chats(Synchronous):
    """Has an async side of its own for messages, and none for prompts."""

    async def achat(self, messages: Any, **kwargs: Any) -> ChatResponse:
        return ChatResponse(message=ChatMessage(content="text"))


class Custom(CustomQueryEngine):
    """Answers when the gate opens."""

    def custom_query(self, query_str: str) -> Response:
        gate.wait(20)
        return Response("text")


class Asynchronous(Custom):
    """Has an async side of its own."""

    async def acustom_query(self, query_str: str) -> Response:
        return Response("text")


@pytest.fixture(autouse=True)
def shut() -> Iterator[None]:
    gate.clear()
    yield
    gate.set()


def engine(llm: Any) -> RetrieverQueryEngine:
    return RetrieverQueryEngine.from_args(FixedRetriever(NODES), llm=llm)


def chat(llm: Any) -> ContextChatEngine:
    return ContextChatEngine.from_defaults(
        FixedRetriever(NODES), llm=llm, memory=ChatMemoryBuffer.from_defaults(token_limit=1_000)
    )


@pytest.mark.parametrize(
    ("make", "blocking"),
    [
        (lambda: engine(Synchronous()), True),
        (lambda: TransformQueryEngine(engine(Synchronous()), IdentityQueryTransform()), True),
        (lambda: engine(Completes()), False),
        (lambda: engine(Completes(is_chat_model=True)), True),
        (lambda: engine(Chats(is_chat_model=True)), False),
        (lambda: chat(Completes()), True),
        (lambda: chat(Chats()), False),
        (lambda: engine(MockLLM()), False),
        (lambda: Custom(), True),
        (lambda: Asynchronous(), False),
        (lambda: FixedRetriever(NODES), False),
    ],
)
def test_what_blocks(make: Callable[[], Any], blocking: bool) -> None:
    assert blocks(make()) is blocking


@pytest.mark.parametrize("make", [lambda: engine(Synchronous()), lambda: Custom()])
def test_one_that_hangs_stops_nobody_else(make: Callable[[], Any]) -> None:
    async def meanwhile() -> int:
        asking = asyncio.create_task(LlamaIndexTarget(make()).run(Request("c", Content("q"))))
        for _ in range(20):
            await asyncio.sleep(0.005)
        assert not asking.done()
        gate.set()
        trace = await asking
        assert trace.answer == Content("text")
        return 20

    assert asyncio.run(meanwhile()) == 20
