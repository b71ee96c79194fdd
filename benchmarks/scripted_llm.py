"""An LLM for rerankers that judge by prompting one: answers in the format asked for, by shared words, offline."""

import asyncio
import re
import time
from collections.abc import Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse, LLMMetadata
from llama_index.core.llms import CustomLLM

from tamis.testing.fake_scorer import word_overlap

_DOCUMENT = re.compile(r"^Document \d+:\n(.*?)(?=\n\nDocument \d+:\n|\nQuestion: |\Z)", re.MULTILINE | re.DOTALL)
_PASSAGE = re.compile(r"^\[\d+\] (.*)\Z", re.DOTALL)
_QUERY = re.compile(r"relevance to query: (.*)\.\Z", re.DOTALL)


class ScriptedLLM(CustomLLM):
    """Judges the passages it finds in LlamaIndex's own rerank prompts; ``delay_s`` is how long an answer takes."""

    delay_s: float = 0.0

    @classmethod
    def class_name(cls) -> str:
        return "ScriptedLLM"

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(context_window=200_000, model_name="scripted", is_function_calling_model=True)

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        time.sleep(self.delay_s)
        return CompletionResponse(text=answer(prompt))

    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        await asyncio.sleep(self.delay_s)
        return CompletionResponse(text=answer(prompt))

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        raise NotImplementedError("the rerankers do not stream")

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        time.sleep(self.delay_s)
        return ChatResponse(message=ChatMessage(role="assistant", content=permutation(messages)))

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        await asyncio.sleep(self.delay_s)
        return ChatResponse(message=ChatMessage(role="assistant", content=permutation(messages)))

    def structured_predict(self, output_cls: Any, prompt: Any, llm_kwargs: Any = None, **kwargs: Any) -> Any:
        time.sleep(self.delay_s)
        return structured(output_cls, prompt.format(**kwargs))

    async def astructured_predict(self, output_cls: Any, prompt: Any, llm_kwargs: Any = None, **kwargs: Any) -> Any:
        await asyncio.sleep(self.delay_s)
        return structured(output_cls, prompt.format(**kwargs))


def answer(prompt: str) -> str:
    """What each of LlamaIndex's postprocessors that complete a prompt can parse."""
    if "Output Mapping:" in prompt:
        return prompt.rpartition("Context:\n")[2].partition("\nTask: ")[0] + "\nOutput Mapping:\n{}"
    return choices(prompt) if "Let's try this now:" in prompt else "NONE"


def relevances(prompt: str) -> list[int]:
    """One relevance from 1 to 10 for each document of a choice-select prompt, in order."""
    asked = prompt.rpartition("Let's try this now:")[2]
    context, _, question = asked.rpartition("\nQuestion: ")
    query = question.removesuffix("\nAnswer:\n").removesuffix("\nAnswer:")
    scores = [word_overlap(query, text) for text in _DOCUMENT.findall(context)]
    return [round(max(1.0, min(10.0, 5.5 + 2 * (-9.0 if score is None else score)))) for score in scores]


def choices(prompt: str) -> str:
    """The answer that LLMRerank parses: every document with its relevance."""
    return "\n".join(f"Doc: {number}, Relevance: {value}" for number, value in enumerate(relevances(prompt), start=1))


def structured(output_cls: Any, prompt: str) -> Any:
    """The answer that StructuredLLMRerank takes."""
    found = enumerate(relevances(prompt), start=1)
    return output_cls(documents=[{"document_number": number, "relevance": value} for number, value in found])


def permutation(messages: Sequence[ChatMessage]) -> str:
    """The answer that RankGPTRerank parses: passage numbers, best first, ties as they came."""
    contents = [message.content or "" for message in messages]
    query = next((found[1] for text in contents if (found := _QUERY.search(text))), "")
    passages = [found[1] for text in contents if (found := _PASSAGE.match(text))]
    scores = [word_overlap(query, text) for text in passages]
    order = sorted(range(len(passages)), key=lambda place: -(-9.0 if scores[place] is None else scores[place]))
    return " > ".join(f"[{place + 1}]" for place in order)
