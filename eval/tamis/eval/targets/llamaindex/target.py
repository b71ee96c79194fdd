"""A LlamaIndex query engine, chat engine or retriever as a target: evaluated as it is, seen through its events."""

import asyncio
import copy
import time
from typing import Any, Literal

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.base.response.schema import AsyncStreamingResponse, StreamingResponse
from llama_index.core.chat_engine.types import BaseChatEngine
from llama_index.core.memory import BaseMemory, ChatMemoryBuffer
from llama_index.core.schema import (
    BaseNode,
    NodeRelationship,
    NodeWithScore,
    RelatedNodeInfo,
)

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting
from tamis.core.media import MediaPolicy
from tamis.nodes import bundle_of, content_of, finite, node_of

from ...case import Document
from ...target import Request, Takes
from ...trace import Passage, Trace
from ..checks import check_takes, own_id
from ..errors import BadReply, TargetError
from ..reply import MAX_ANSWER_BYTES, check_length
from ..threads import in_thread, said
from .blocking import blocks
from .parts import exchanged, is_innermost, is_postprocessor, observed, retrievers_of
from .planting import Planting, can_plant, can_rank, planted_into, sees_images
from .recording import Recording, recorded
from .similarity import Vectors
from .trace import awhole, content_from, prompt_of, sources_of, steps_of, usage_of, whole

Ids = Literal["document", "node"]
"""What a passage is known by: the document that its node was cut from (its own id where there is none), or its node."""


class LlamaIndexTarget:
    """Asks a LlamaIndex pipeline and traces it by LlamaIndex's own instrumentation.

    Each step's nodes and scores, the prompt, the answer, tokens and seconds come from its spans and events, kept apart
    for each question by the context that LlamaIndex's tasks and threads carry. The pipeline is not changed. Where
    something must be put in, it goes into a shallow copy made for the one question: planted passages at the innermost
    retrievers (see ``planted_into``; the pipeline's own fusion, reranking and selection come after), a span around
    postprocessors whose async side has none, and for a chat engine a memory that starts as its own stood at the
    first question, so that every question is the next one of the same conversation and none sees another.

    ``ids`` says what gold ids name. ``embed_model`` ranks planted passages in retrievers that have none themselves.
    ``images`` says whether a query's images count, None: where a retriever's embedder sees them (never in a chat
    engine, which is asked in text). ``threads`` asks by the synchronous methods in a thread for each question, None:
    where a part has no async side of its own and would block the event loop (see ``blocks``). ``media`` says which
    images may be opened to be embedded. An answer from no passages ("Empty Response") is empty.

    Raises BadSetting for an object that is none of the three.
    """

    def __init__(
        self,
        pipeline: BaseQueryEngine | BaseChatEngine | BaseRetriever,
        *,
        name: str | None = None,
        ids: Ids = "document",
        embed_model: BaseEmbedding | None = None,
        images: bool | None = None,
        threads: bool | None = None,
        media: MediaPolicy | None = None,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        if not isinstance(pipeline, BaseQueryEngine | BaseChatEngine | BaseRetriever):
            hint = "; call its as_query_engine() or as_retriever()" if hasattr(pipeline, "as_query_engine") else ""
            raise BadSetting(
                f"a {type(pipeline).__name__} is no LlamaIndex query engine, chat engine or retriever{hint}"
            )
        if ids not in ("document", "node"):
            raise BadSetting(f'ids is {ids!r}; it must be "document" or "node"')
        self._pipeline = pipeline
        self._name = name or type(pipeline).__name__
        self._ids = ids
        self._embed_model = embed_model
        self._media = media or MediaPolicy()
        self._max_answer_bytes = max_answer_bytes
        self._vectors = Vectors()
        self._history: list[ChatMessage] | None = None
        every = retrievers_of(pipeline)
        self._threads = blocks(pipeline) if threads is None else threads
        retrievers = self._retrievers = [one for one in every if is_innermost(one)]
        takes: set[Takes] = set()
        if any(can_plant(one, embed_model) for one in retrievers):
            takes.add("planted")
        seen = any(sees_images(one) for one in retrievers) if images is None else images
        if seen and not isinstance(pipeline, BaseChatEngine):
            takes.add("images")
        self._takes = frozenset(takes)

    def __repr__(self) -> str:
        return f"LlamaIndexTarget({type(self._pipeline).__name__}, name={self._name!r})"

    @property
    def name(self) -> str:
        """Its name, or the class of the pipeline."""
        return self._name

    @property
    def takes(self) -> frozenset[Takes]:
        """Planted passages where a retriever was found that can rank them, images where one sees them."""
        return self._takes

    async def run(self, request: Request) -> Trace:
        """One question. Raises BadInput for more than it takes, BadReply, and whatever the pipeline raises."""
        check_takes(self._name, self._takes, request)
        for document in request.planted:
            self._check_plantable(document, request.case)
        pipeline = self._prepared(request)
        if isinstance(pipeline, BaseChatEngine):
            pipeline = await self._with_memory(pipeline)
        attacks = {one.id: one.planted or "planted" for one in request.planted}
        with recorded(lambda found: self._passage(found, attacks)) as recording:
            started = time.perf_counter()
            if self._threads:
                response, text = await in_thread(self._ask, pipeline, request.query)
            else:
                try:
                    response, text = await self._aask(pipeline, request.query)
                except (Exception, asyncio.CancelledError, GeneratorExit):
                    raise
                except BaseException as error:
                    raise TargetError(said(error)) from error
            seconds = time.perf_counter() - started
        return self._trace(recording, response, text, seconds)

    async def close(self) -> None:
        """Forgets the vectors; the pipeline is its owner's."""
        self._vectors = Vectors()

    def _trace(self, recording: Recording, response: Any, text: str | None, seconds: float) -> Trace:
        if isinstance(self._pipeline, BaseRetriever):
            if not isinstance(response, list):
                raise BadReply(f"the retriever returned {'None' if response is None else type(response).__name__}")
            return Trace(steps_of(recording, response), seconds=seconds, usage=usage_of(recording))
        if response is None:
            raise BadReply("the target returned None")
        check_length(text or "", self._max_answer_bytes)
        return Trace(
            steps=steps_of(recording, sources_of(response)),
            answer=content_from(text, recording),
            prompt=prompt_of(recording),
            seconds=seconds,
            usage=usage_of(recording),
        )

    def _ask(self, pipeline: Any, query: Content) -> tuple[Any, str | None]:
        if isinstance(pipeline, BaseRetriever):
            return pipeline.retrieve(bundle_of(query)), None
        if isinstance(pipeline, BaseChatEngine):
            response: Any = pipeline.chat(query.text)
        else:
            response = pipeline.query(bundle_of(query))
        if isinstance(response, StreamingResponse) and response.response_txt is None:
            return response, whole(response.response_gen, self._max_answer_bytes)
        if isinstance(response, AsyncStreamingResponse):
            raise BadReply("the synchronous side of the pipeline gave an asynchronous stream; set threads=False")
        return response, _text(response)

    async def _aask(self, pipeline: Any, query: Content) -> tuple[Any, str | None]:
        if isinstance(pipeline, BaseRetriever):
            return await pipeline.aretrieve(bundle_of(query)), None
        if isinstance(pipeline, BaseChatEngine):
            response: Any = await pipeline.achat(query.text)
        else:
            response = await pipeline.aquery(bundle_of(query))
        if isinstance(response, AsyncStreamingResponse):
            return response, await awhole(response.async_response_gen(), self._max_answer_bytes)
        if isinstance(response, StreamingResponse) and response.response_txt is None:
            # An engine whose async side hands on a synchronous stream: it would block the loop.
            return response, await in_thread(whole, response.response_gen, self._max_answer_bytes)
        return response, _text(response)

    def _prepared(self, request: Request) -> Any:
        """The pipeline, or a shallow copy of it for this one request."""
        planting = None
        if request.planted:
            planting = Planting(
                [_node_of(one) for one in request.planted], self._embed_model, self._media, self._vectors
            )

        def change(part: Any) -> Any:
            if is_postprocessor(part):
                return part if self._threads else observed(part)
            if planting is not None and can_plant(part, self._embed_model):
                return planted_into(part, planting)
            return part

        return exchanged(self._pipeline, change)

    def _check_plantable(self, document: Document, case: str) -> None:
        if not any(can_rank(one, document, self._embed_model) for one in self._retrievers):
            raise BadInput(
                f'the target "{self._name}" cannot take the planted passage "{document.id}" of case "{case}": '
                "it has no text, and no retriever's embedder sees images"
            )

    async def _with_memory(self, engine: BaseChatEngine) -> BaseChatEngine:
        """A copy of a chat engine that remembers what it did before the first question, and nothing later."""
        memory = getattr(engine, "_memory", None)
        if not isinstance(memory, BaseMemory):
            return engine
        if self._history is None:
            # Once: the memory may be a database, and a question of another target must not change this one's.
            self._history = await memory.aget_all()
        history = [message.model_copy() for message in self._history]
        settings = {} if (limit := getattr(memory, "token_limit", None)) is None else {"token_limit": limit}
        clone = copy.copy(engine)
        clone._memory = ChatMemoryBuffer.from_defaults(chat_history=history, **settings)  # type: ignore[attr-defined]
        return clone

    def _passage(self, found: NodeWithScore, attacks: dict[str, str]) -> Passage:
        node = found.node
        content = content_of(node)
        source = node.ref_doc_id
        attack = attacks.get(node.node_id) or attacks.get(source or "")
        id = source if source and (self._ids == "document" or attack) else node.node_id
        return Passage(id or own_id(content), content, _score(found.score), attack)


def _score(score: Any) -> float | None:
    try:
        return finite(score)
    except (TypeError, ValueError, OverflowError):
        return None


def _node_of(document: Document) -> BaseNode:
    """A planted document as a node, with its source, so that nodes cut from it are still known to be its."""
    node = node_of(document.content, document.id)
    node.relationships[NodeRelationship.SOURCE] = RelatedNodeInfo(node_id=document.id)
    return node


def _text(response: Any) -> str | None:
    if response is None or isinstance(response, str):
        return response
    text = getattr(response, "response", None)
    if text is None or isinstance(text, str):
        return text
    dump = getattr(text, "model_dump_json", None)
    return str(dump()) if callable(dump) else str(text)
