"""GuardedSynthesizer: a response synthesizer whose answers rest on the passages, sentence by sentence."""

import uuid
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from llama_index.core.base.response.schema import (
    RESPONSE_TYPE,
    AsyncStreamingResponse,
    PydanticResponse,
    Response,
    StreamingResponse,
)
from llama_index.core.callbacks.base import CallbackManager
from llama_index.core.llms import LLM
from llama_index.core.prompts.mixin import PromptDictType, PromptMixinType
from llama_index.core.response_synthesizers import BaseSynthesizer
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle, QueryType, TextNode
from llama_index.core.types import RESPONSE_TEXT_TYPE

from tamis.core.errors import BadSetting
from tamis.core.threads import in_thread
from tamis.nodes import content_of

from .answers import Writer, aguarded, guarded, rewrite_template
from .course import Course
from .drive import just
from .guard import Guard, guard_of
from .passages import harmless
from .queries import is_refused


class GuardedSynthesizer(BaseSynthesizer):
    """Gives what another synthesizer writes, as far as it holds: see ``Guard`` for what is checked and what follows.

    The query and the passages are screened before the model sees them: a harmful query is refused, without sources; a
    harmful passage is dropped. While the model writes, each sentence is released when it is complete and has passed;
    tokens of one that has not are never released. Answers are of the kind that the other synthesizer gives, streamed
    or whole, with its sources; structured ones (``output_cls``) have no sentences and are not judged. Closing a stream
    closes the model's. Every decision is an event: see ``tamis.guard.events``.

    ``llm`` takes answers up again; by default the other synthesizer's own. The prompt is "rewrite_template".
    """

    def __init__(
        self, synthesizer: BaseSynthesizer, guard: Guard | Mapping[str, Any] | bool = True, *, llm: LLM | None = None
    ) -> None:
        settings = guard_of(guard)
        if settings is None:
            raise BadSetting(f"guard is {guard!r}; a guarded synthesizer needs one")
        if not isinstance(synthesizer, BaseSynthesizer):
            raise BadSetting(
                f"a guarded synthesizer takes a LlamaIndex synthesizer, not a {type(synthesizer).__name__}"
            )
        super().__init__(
            llm=synthesizer._llm,
            prompt_helper=synthesizer._prompt_helper,
            chat_prompt_helper=synthesizer._chat_prompt_helper,
            streaming=synthesizer._streaming,
            output_cls=synthesizer._output_cls,
            empty_response=synthesizer._empty_response,
            multimodal=synthesizer._multimodal,
        )
        # Handed to the base class it would replace the model's own.
        self._callback_manager = synthesizer.callback_manager
        self._synthesizer = synthesizer
        self._guard = settings
        self._writer_llm = llm or synthesizer._llm
        self._rewrite_template = rewrite_template()
        # Set by an engine that has screened the query itself, for one answer.
        self._screens_queries = True
        self._answer: str | None = None

    @property
    def guard(self) -> Guard:
        """The settings."""
        return self._guard

    @property
    def callback_manager(self) -> CallbackManager:
        """The other synthesizer's."""
        return self._callback_manager

    @callback_manager.setter
    def callback_manager(self, callback_manager: CallbackManager) -> None:
        self._callback_manager = callback_manager
        self._synthesizer.callback_manager = callback_manager

    def synthesize(
        self,
        query: QueryType,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
        **response_kwargs: Any,
    ) -> RESPONSE_TYPE:
        """What the other synthesizer answers, under guard."""
        bundle, answer = _bundle(query), self._answer or uuid.uuid4().hex
        if self._screens_queries and is_refused(self._guard, bundle, answer):
            return refusal(self._guard, streaming=self._streaming)
        kept = harmless(self._guard, nodes, answer)
        response = self._synthesizer.synthesize(bundle, kept, additional_source_nodes, **response_kwargs)
        return guarded(response, self._course(bundle, [*kept, *(additional_source_nodes or ())], answer), self._writer)

    async def asynthesize(
        self,
        query: QueryType,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
        **response_kwargs: Any,
    ) -> RESPONSE_TYPE:
        """As ``synthesize``."""
        bundle, answer = _bundle(query), self._answer or uuid.uuid4().hex
        if self._screens_queries and await in_thread(is_refused, self._guard, bundle, answer):
            return arefusal(self._guard, streaming=self._streaming)
        kept = await in_thread(harmless, self._guard, nodes, answer)
        response = await self._synthesizer.asynthesize(bundle, kept, additional_source_nodes, **response_kwargs)
        course = self._course(bundle, [*kept, *(additional_source_nodes or ())], answer)
        return await aguarded(response, course, self._writer)

    def get_response(self, query_str: str, text_chunks: Sequence[str], **response_kwargs: Any) -> RESPONSE_TEXT_TYPE:
        """What the other synthesizer answers from these texts, under guard: they are the passages."""
        nodes = _nodes(text_chunks)
        answer = self._answer or uuid.uuid4().hex
        if self._screens_queries and is_refused(self._guard, QueryBundle(query_str), answer):
            return _text(refusal(self._guard, streaming=self._streaming))
        kept = harmless(self._guard, nodes, answer)
        texts = [node.get_content() for node in kept]
        response = self._prepare_response_output(
            self._synthesizer.get_response(query_str, texts, **response_kwargs), kept
        )
        return _text(guarded(response, self._course(QueryBundle(query_str), kept, answer), self._writer))

    async def aget_response(
        self, query_str: str, text_chunks: Sequence[str], **response_kwargs: Any
    ) -> RESPONSE_TEXT_TYPE:
        """As ``get_response``."""
        nodes = _nodes(text_chunks)
        answer = self._answer or uuid.uuid4().hex
        if self._screens_queries and await in_thread(is_refused, self._guard, QueryBundle(query_str), answer):
            return _text(arefusal(self._guard, streaming=self._streaming))
        kept = await in_thread(harmless, self._guard, nodes, answer)
        texts = [node.get_content() for node in kept]
        response = self._prepare_response_output(
            await self._synthesizer.aget_response(query_str, texts, **response_kwargs), kept
        )
        return _text(await aguarded(response, self._course(QueryBundle(query_str), kept, answer), self._writer))

    @property
    def _writer(self) -> Writer:
        return Writer(self._writer_llm, self._rewrite_template)

    def _course(self, query: QueryBundle, nodes: Sequence[NodeWithScore], answer: str) -> Course:
        evidence = [content_of(node, MetadataMode.LLM) for node in nodes]
        return Course(
            self._guard, query.query_str, evidence, own=self._empty_response, room=self._writer.room, answer=answer
        )

    def _get_prompts(self) -> PromptDictType:
        return {"rewrite_template": self._rewrite_template}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        self._rewrite_template = prompts.get("rewrite_template", self._rewrite_template)

    def _get_prompt_modules(self) -> PromptMixinType:
        return {"synthesizer": self._synthesizer}


def refusal(guard: Guard, *, streaming: bool) -> RESPONSE_TYPE:
    """What a refused query is answered with."""
    if streaming:
        return StreamingResponse(_just(guard.refusal))
    return Response(guard.refusal)


def arefusal(guard: Guard, *, streaming: bool) -> RESPONSE_TYPE:
    """As ``refusal``, for those who await."""
    if streaming:
        return AsyncStreamingResponse(just(guard.refusal))
    return Response(guard.refusal)


def _just(text: str) -> Generator[str, None, None]:
    yield text


def _bundle(query: QueryType) -> QueryBundle:
    return QueryBundle(query) if isinstance(query, str) else query


def _nodes(texts: Sequence[str]) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(text=text, id_=f"text {at}")) for at, text in enumerate(texts)]


def _text(response: RESPONSE_TYPE) -> RESPONSE_TEXT_TYPE:
    """What is in a response, as a synthesizer's ``get_response`` gives it."""
    if isinstance(response, StreamingResponse | AsyncStreamingResponse):
        return response.response_gen
    return response.response if isinstance(response, PydanticResponse) and response.response else str(response)
