"""LlamaIndex's responses under guard: new ones of the same kind, with the same sources; the ones given stay."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any

from llama_index.core.base.response.schema import (
    RESPONSE_TYPE,
    AsyncStreamingResponse,
    Response,
    StreamingResponse,
)
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.llms import LLM
from llama_index.core.prompts import BasePromptTemplate, PromptTemplate

from .course import TOLD, Course
from .drive import adriven, driven, just
from .events import GuardOutcomeEvent
from .rewrite import Rewrite, rewrite_prompt

dispatcher = get_dispatcher(__name__)

_ROOM = (2_000, 40_000)


def rewrite_template() -> BasePromptTemplate:
    """The prompt that asks a model to take up an answer again, as LlamaIndex's prompts are."""
    return PromptTemplate(rewrite_prompt().text)


@dataclass(frozen=True)
class Writer:
    """The model that takes an answer up again, and with what prompt."""

    llm: LLM
    template: BasePromptTemplate

    @property
    def room(self) -> int:
        """How many characters of passages it is shown: one for each token of its window, within bounds."""
        least, most = _ROOM
        return max(least, min(most, self.llm.metadata.context_window))

    def stream(self, asked: Rewrite) -> Iterator[str]:
        """What it writes, as it writes it."""
        return iter(self.llm.stream(self.template, **asked._asdict()))

    def whole(self, asked: Rewrite) -> Iterator[str]:
        """What it writes, at once."""
        return iter([self.llm.predict(self.template, **asked._asdict())])

    async def astream(self, asked: Rewrite) -> AsyncIterator[str]:
        """As ``stream``."""
        return aiter(await self.llm.astream(self.template, **asked._asdict()))

    async def awhole(self, asked: Rewrite) -> AsyncIterator[str]:
        """As ``whole``."""
        return just(await self.llm.apredict(self.template, **asked._asdict()))


def guarded(response: Any, course: Course, writer: Writer) -> RESPONSE_TYPE:
    """The response under guard, of an engine that was called without awaiting."""
    if isinstance(response, StreamingResponse | AsyncStreamingResponse):
        return _stream(response, course, writer)
    if isinstance(response, Response):
        course.whole = True
        text = "".join(driven(course, iter([response.response or ""]), writer.whole))
        return replace(response, response=text if response.response is not None else None)
    return _structured(response, course)


async def aguarded(response: Any, course: Course, writer: Writer) -> RESPONSE_TYPE:
    """As ``guarded``, of an engine that was awaited."""
    if isinstance(response, Response):
        course.whole = True
        parts = [text async for text in adriven(course, just(response.response or ""), writer.awhole)]
        return replace(response, response="".join(parts) if response.response is not None else None)
    return guarded(response, course, writer)


def _stream(
    response: StreamingResponse | AsyncStreamingResponse, course: Course, writer: Writer
) -> StreamingResponse | AsyncStreamingResponse:
    # What somebody has read already is not in its stream any more.
    read = response.response_txt
    if isinstance(response, AsyncStreamingResponse):
        awaited = response.response_gen if read is None else just(read)
        return replace(response, response_gen=adriven(course, awaited, writer.astream), response_txt=None)
    tokens = response.response_gen if read is None else iter([read])
    return replace(response, response_gen=driven(course, iter(tokens), writer.stream), response_txt=None)


def _structured(response: Any, course: Course) -> RESPONSE_TYPE:
    """Fields of a structured answer are no sentences: none is judged, which is recorded."""
    reason = f"a {type(response).__name__} has no sentences to judge"
    cut = course.guard.on_unknown == "cut"
    dispatcher.event(
        GuardOutcomeEvent(
            answer=course.answer,
            ending="cut" if cut else "complete",
            reason=reason,
            counts={"unknown": 1},
            released=0,
            regenerations=0,
        )
    )
    if not cut:
        kept: RESPONSE_TYPE = response
        return kept
    sources = list(getattr(response, "source_nodes", None) or ())
    return Response(course.guard.notice.replace("{reason}", TOLD["unknown"]), sources, response.metadata)
