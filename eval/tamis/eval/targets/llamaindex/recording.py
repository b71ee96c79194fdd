"""Records what LlamaIndex's instrumentation says while one question is answered, apart from all others."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from inspect import BoundArguments
from typing import Any, Literal

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.events.llm import (
    LLMChatEndEvent,
    LLMChatStartEvent,
    LLMCompletionEndEvent,
    LLMCompletionStartEvent,
)
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.instrumentation.events.retrieval import RetrievalEndEvent
from llama_index.core.instrumentation.span import BaseSpan
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.response_synthesizers import BaseSynthesizer
from llama_index.core.schema import NodeWithScore
from llama_index_instrumentation import get_dispatcher

from ...trace import Passage

Kind = Literal["retrieve", "postprocess", "synthesize", "other"]
Shown = Callable[[NodeWithScore], Passage]
"""How a node is written down."""

_METHODS: tuple[tuple[type, frozenset[str], Kind], ...] = (
    (BaseRetriever, frozenset({"retrieve", "aretrieve", "_retrieve", "_aretrieve"}), "retrieve"),
    (
        BaseNodePostprocessor,
        frozenset({"postprocess_nodes", "apostprocess_nodes", "_postprocess_nodes", "_apostprocess_nodes"}),
        "postprocess",
    ),
    (BaseSynthesizer, frozenset({"synthesize", "asynthesize"}), "synthesize"),
)
_UUID = 36
_STARTS = (LLMCompletionStartEvent, LLMChatStartEvent)
_ENDS = (LLMCompletionEndEvent, LLMChatEndEvent)
_HEARD = (*_STARTS, *_ENDS, ReRankStartEvent, ReRankEndEvent, RetrievalEndEvent)


@dataclass
class Stage:
    """A step of the pipeline: what it gave on, and when it began and ended among all that was recorded.

    ``passages`` are written down at once, because later components change scores in place.
    """

    kind: Kind
    name: str
    passages: tuple[Passage, ...]
    began: int
    ended: int
    seconds: float | None = None


@dataclass
class Call:
    """A call of a language model: its start event, its end event where it ended, and when it began."""

    start: LLMCompletionStartEvent | LLMChatStartEvent
    began: int
    end: LLMCompletionEndEvent | LLMChatEndEvent | None = None


@dataclass
class _Open:
    kind: Kind
    parent: str | None
    began: int
    at: float


@dataclass
class Recording:
    """What happened while one question was answered; calls may come from several threads.

    ``stages`` are outermost ones: what a retriever asks inside itself is a part of it.
    """

    shown: Shown
    stages: list[Stage] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    _spans: dict[str, _Open] = field(default_factory=dict)
    _reranks: dict[str | None, tuple[str, float]] = field(default_factory=dict)
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def entered(self, id: str, instance: Any, bound: BoundArguments, parent: str | None) -> None:
        """A span was opened."""
        kind = _kind(id, instance)
        with self._lock:
            opened = self._spans[id] = _Open(kind, parent, self._tick(), time.perf_counter())
            if kind == "synthesize" and not self._inside(parent):
                # What it was given is what it will answer from, also when it streams or fails.
                nodes = _nodes(bound.arguments.get("nodes"))
                if nodes is not None:
                    self._add("synthesize", "synthesize", nodes, opened.began, None)

    def left(self, id: str, instance: Any, result: Any) -> None:
        """A span was closed with this result."""
        with self._lock:
            opened = self._spans.get(id)
            if opened is None or opened.kind not in ("retrieve", "postprocess") or self._inside(opened.parent):
                return
            nodes = _nodes(result)
            if nodes is not None:
                name = "retrieve" if opened.kind == "retrieve" else _name(instance)
                self._add(opened.kind, name, nodes, opened.began, time.perf_counter() - opened.at)

    def told(self, event: BaseEvent) -> None:
        """An event was sent."""
        with self._lock:
            if isinstance(event, _STARTS):
                self._call_began(event)
            elif isinstance(event, _ENDS):
                self._call_ended(event)
            elif self._inside(event.span_id):
                return
            elif isinstance(event, ReRankStartEvent):
                self._reranks[event.span_id] = (event.model_name, time.perf_counter())
            elif isinstance(event, ReRankEndEvent):
                # A reranker that opens no span; it is known by what it says.
                name, at = self._reranks.pop(event.span_id, ("rerank", None))
                seconds = None if at is None else time.perf_counter() - at
                self._add("postprocess", name, event.nodes, self._now, seconds)
            elif isinstance(event, RetrievalEndEvent):
                self._add("retrieve", "retrieve", event.nodes, self._now, None)

    def _add(self, kind: Kind, name: str, nodes: Sequence[NodeWithScore], began: int, seconds: float | None) -> None:
        passages = tuple(self.shown(node) for node in nodes)
        self.stages.append(Stage(kind, name, passages, began, self._tick(), seconds))

    def _call_began(self, event: LLMCompletionStartEvent | LLMChatStartEvent) -> None:
        if not any(call.end is None and self._same(call.start, event) for call in self.calls):
            self.calls.append(Call(event, self._tick()))

    def _call_ended(self, event: LLMCompletionEndEvent | LLMChatEndEvent) -> None:
        for call in self.calls:
            if call.end is None and call.start.span_id == event.span_id:
                call.end = event
                return

    def _same(self, outer: LLMCompletionStartEvent | LLMChatStartEvent, inner: BaseEvent) -> bool:
        """Whether a call is how another, still open, is carried out: a model's async method that calls its sync one.

        Spans tell, or, where a stream was handed from one to the other outside its span, the same prompt does.
        """
        if isinstance(outer, LLMCompletionStartEvent) and isinstance(inner, LLMCompletionStartEvent):
            same = outer.prompt == inner.prompt
        elif isinstance(outer, LLMChatStartEvent) and isinstance(inner, LLMChatStartEvent):
            same = outer.messages == inner.messages
        else:
            same = False
        return same or (outer.span_id is not None and outer.span_id in self._above(inner.span_id))

    def _inside(self, span: str | None) -> bool:
        """Whether a span is, or lies within, one of a retriever or postprocessor."""
        return any(self._spans[id].kind in ("retrieve", "postprocess") for id in self._above(span))

    def _above(self, span: str | None) -> Iterator[str]:
        while span is not None and (found := self._spans.get(span)) is not None:
            yield span
            span = found.parent

    def _tick(self) -> int:
        self._now += 1
        return self._now


_current: ContextVar[Recording | None] = ContextVar("tamis_recording", default=None)
_listening = threading.Lock()


@contextmanager
def recorded(shown: Shown) -> Iterator[Recording]:
    """What happens in this context, and in the tasks and threads that take it on, goes to a Recording of its own.

    LlamaIndex's own threads and tasks carry the context. Work that a component hands to a pool of its own without it
    is not seen, and cannot be mistaken for another question's either.
    """
    _listen()
    recording = Recording(shown)
    token = _current.set(recording)
    try:
        yield recording
    finally:
        _current.reset(token)


def _listen() -> None:
    """Attaches to LlamaIndex's root dispatcher, once in a process; without a Recording nothing is kept."""
    root = get_dispatcher()
    with _listening:
        # The lists are the dispatcher's own: somebody may have cleared them since.
        if not any(isinstance(one, _Spans) for one in root.span_handlers):
            root.add_span_handler(_Spans())
        if not any(isinstance(one, _Events) for one in root.event_handlers):
            root.add_event_handler(_Events())


class _Events(BaseEventHandler):
    @classmethod
    def class_name(cls) -> str:
        return "TamisEvents"

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        # A streaming model sends an event for each token; those are not for here.
        if isinstance(event, _HEARD) and (recording := _current.get()) is not None:
            recording.told(event)


class _Spans(BaseSpanHandler[BaseSpan]):
    """Keeps no span itself, so that nothing grows in a process that is not being evaluated."""

    @classmethod
    def class_name(cls) -> str:
        return "TamisSpans"

    def new_span(
        self,
        id_: str,
        bound_args: BoundArguments,
        instance: Any | None = None,
        parent_span_id: str | None = None,
        tags: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if (recording := _current.get()) is not None:
            recording.entered(id_, instance, bound_args, parent_span_id)

    def prepare_to_exit_span(
        self,
        id_: str,
        bound_args: BoundArguments,
        instance: Any | None = None,
        result: Any | None = None,
        **kwargs: Any,
    ) -> None:
        if (recording := _current.get()) is not None:
            recording.left(id_, instance, result)

    def prepare_to_drop_span(
        self, id_: str, bound_args: BoundArguments, instance: Any | None = None, err: Any | None = None, **kwargs: Any
    ) -> None:
        """An error that ends the question is raised to whoever asked it."""


def _kind(id: str, instance: Any) -> Kind:
    method = id.partition(".")[2][: -_UUID - 1]
    for base, methods, kind in _METHODS:
        if isinstance(instance, base) and method in methods:
            return kind
    return "other"


def _name(instance: Any) -> str:
    return str(getattr(instance, "observed_name", None) or type(instance).__name__)


def _nodes(result: Any) -> Sequence[NodeWithScore] | None:
    if isinstance(result, list | tuple) and all(isinstance(one, NodeWithScore) for one in result):
        return result
    return None
