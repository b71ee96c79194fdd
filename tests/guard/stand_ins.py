"""What stands in for models in the tests of the guard: a language model with a script, a judge, a screen."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from llama_index.core import get_response_synthesizer
from llama_index.core.base.llms.types import CompletionResponse, CompletionResponseAsyncGen, LLMMetadata
from llama_index.core.llms import CustomLLM
from llama_index.core.llms.callbacks import llm_completion_callback
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import ResponseMode
from llama_index.core.schema import NodeWithScore, TextNode
from pydantic import PrivateAttr

from tamis.core.content import Content
from tamis.guard import Guard
from tamis.models.judge import Verdict
from tamis.models.screen import Screened
from tamis.testing import FixedRetriever

GOOD = "The bus is red."
ALSO = "It leaves at 3.5 past nine, e.g. on Mondays."
BAD = "It flies to the moon."
LAST = "它很快。"
PASSAGES = ("The bus is red and leaves at 3.5 past nine, e.g. on Mondays.", "It is fast: 它很快。", "A cat sleeps.")

Script = Callable[[str], str]


class ScriptedLLM(CustomLLM):
    """Writes what its script says to a prompt, in pieces of ``step`` characters, and remembers what happened.

    A stream ends in an error with the text ``breaks``, where it has one.
    """

    step: int = 3
    delay_s: float = 0.0
    window: int = 8_000
    breaks: str | None = None
    chats: bool = False
    _script: Any = PrivateAttr()
    _seen: Any = PrivateAttr()

    def __init__(self, *replies: str, script: Script | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self._seen = Seen()
        self._script = script or self._in_order(replies)

    def _in_order(self, replies: Sequence[str]) -> Script:
        left = list(replies)

        def next_one(prompt: str) -> str:
            if not left:
                raise RuntimeError("the script has ended")
            return left.pop(0)

        return next_one

    @property
    def seen(self) -> "Seen":
        """What happened."""
        found: Seen = self._seen
        return found

    @classmethod
    def class_name(cls) -> str:
        return "ScriptedLLM"

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(context_window=self.window, model_name="scripted", is_chat_model=self.chats)

    def _reply(self, prompt: str) -> str:
        self.seen.prompts.append(prompt)
        reply: str = self._script(prompt)
        return reply

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        time.sleep(self.delay_s)
        return CompletionResponse(text=self._reply(prompt))

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        await asyncio.sleep(self.delay_s)
        return CompletionResponse(text=self._reply(prompt))

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        return self._streamed(self._reply(prompt))

    def _streamed(self, text: str) -> Any:
        self.seen.open += 1
        try:
            for at in range(0, len(text), self.step):
                time.sleep(self.delay_s)
                self.seen.written += text[at : at + self.step]
                yield CompletionResponse(text=text[: at + self.step], delta=text[at : at + self.step])
            if self.breaks is not None:
                raise ConnectionError(self.breaks)
        finally:
            self.seen.open -= 1

    @llm_completion_callback()
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseAsyncGen:
        return self._astreamed(self._reply(prompt))

    async def _astreamed(self, text: str) -> CompletionResponseAsyncGen:
        self.seen.open += 1
        try:
            for at in range(0, len(text), self.step):
                await asyncio.sleep(self.delay_s)
                self.seen.written += text[at : at + self.step]
                yield CompletionResponse(text=text[: at + self.step], delta=text[at : at + self.step])
        finally:
            self.seen.open -= 1


@dataclass
class Seen:
    """The prompts a model was given, what it has streamed, and how many of its streams are open."""

    prompts: list[str] = field(default_factory=list)
    written: str = ""
    open: int = 0


@dataclass
class FakeJudge:
    """Denies what contains a word of ``denies``, has no verdict where one of ``silent`` is, supports the rest."""

    denies: Sequence[str] = ("moon",)
    silent: Sequence[str] = ()
    error: str | None = None
    delay_s: float = 0.0
    calls: list[list[str]] = field(default_factory=list)
    evidence: list[list[Content]] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)
    name: str = "fake"

    def judge(self, claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> list[Verdict]:
        self.threads.add(threading.get_ident())
        self.calls.append(list(claims))
        self.evidence.extend(list(one) for one in evidence)
        time.sleep(self.delay_s)
        if self.error is not None:
            raise RuntimeError(self.error)
        return [self._one(claim) for claim in claims]

    def _one(self, claim: str) -> Verdict:
        if any(word in claim for word in self.silent):
            return Verdict(None, "nothing is known")
        denied = any(word in claim for word in self.denies)
        return Verdict(0.1, "a word of it is denied") if denied else Verdict(0.9, "fine")


@dataclass
class FakeScreen:
    """Holds to be harmful what contains a word of ``harmful``; has no result where one of ``silent`` is."""

    harmful: Sequence[str] = ("grenade",)
    silent: Sequence[str] = ()
    error: str | None = None
    threshold: float = 0.5
    calls: list[list[Content]] = field(default_factory=list)
    name: str = "fake"

    def screen(self, contents: Sequence[Content]) -> list[Screened]:
        self.calls.append(list(contents))
        if self.error is not None:
            raise RuntimeError(self.error)
        return [self._one(content.text) for content in contents]

    def _one(self, text: str) -> Screened:
        if any(word in text for word in self.silent):
            return Screened(None, "cannot be read")
        harmful = any(word in text for word in self.harmful)
        return Screened(0.9, "a word of it", "weapons") if harmful else Screened(0.1)


def nodes(*texts: str) -> list[NodeWithScore]:
    return [
        NodeWithScore(node=TextNode(text=text, id_=f"n{at}"), score=1 - at / 10)
        for at, text in enumerate(texts or PASSAGES)
    ]


def retriever_of(engine: RetrieverQueryEngine) -> FixedRetriever:
    found = engine.retriever
    assert isinstance(found, FixedRetriever)
    return found


def engine(
    llm: ScriptedLLM,
    *,
    streaming: bool = False,
    mode: ResponseMode = ResponseMode.COMPACT,
    passages: Sequence[NodeWithScore] | None = None,
) -> RetrieverQueryEngine:
    return RetrieverQueryEngine(
        retriever=FixedRetriever(nodes() if passages is None else passages),
        response_synthesizer=get_response_synthesizer(llm=llm, streaming=streaming, response_mode=mode),
    )


def guard(**settings: Any) -> Guard:
    return Guard(**{"judge": FakeJudge(), "mode": "cut", **settings})
