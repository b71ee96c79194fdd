"""A LlamaIndex pipeline with some of its parts exchanged, as a shallow copy: the pipeline itself stays as it is."""

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.chat_engine.types import BaseChatEngine
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts.mixin import PromptMixin
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.tools import QueryEngineTool, RetrieverTool
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.dispatcher import DISPATCHER_SPAN_DECORATED_ATTR

dispatcher = get_dispatcher(__name__)

_HOLDERS = (BaseRetriever, BaseQueryEngine, BaseChatEngine, QueryEngineTool, RetrieverTool)
# What nodes stand for, reached through them and not by asking: no part that a query runs through.
_NOT_PARTS = frozenset({"object_map", "_object_map"})
_DEPTH = 12
_LONGEST = 64

Change = Callable[[Any], Any]


def exchanged(part: Any, change: Change, depth: int = _DEPTH) -> Any:
    """``part``, or a copy of it in which innermost retrievers and all postprocessors are what ``change`` makes of them.

    Only what leads from ``part`` to a changed one is copied, through attributes, lists, tuples and dicts of query
    engines, chat engines, retrievers and their tools. What is held by other objects or closures is not found.
    """
    if depth == 0:
        return part
    if type(part) in (list, tuple) and _is_container(part):
        new = [exchanged(one, change, depth - 1) for one in part]
        return part if all(a is b for a, b in zip(new, part, strict=True)) else type(part)(new)
    if type(part) is dict and _is_container(part):
        held = {key: exchanged(one, change, depth - 1) for key, one in part.items()}
        return part if all(held[key] is part[key] for key in part) else held
    if is_postprocessor(part) or (isinstance(part, BaseRetriever) and is_innermost(part)):
        return change(part)
    if not isinstance(part, _HOLDERS):
        return part
    clone = part
    for place, name, value in _held(part):
        new = exchanged(value, change, depth - 1)
        if new is not value:
            if clone is part:
                clone = copy.copy(part)
            getattr(clone, place)[name] = new
    return clone


def retrievers_of(part: Any) -> list[BaseRetriever]:
    """All retrievers of a pipeline, each once."""
    found: dict[int, BaseRetriever] = {}
    _gather(part, found, _DEPTH)
    return list(found.values())


def parts_of(pipeline: Any) -> list[Any]:
    """A pipeline and all that its parts hold, each once: what synthesizers, selectors and their like hold, too."""
    found: dict[int, Any] = {}
    waiting = [(pipeline, _DEPTH)]
    while waiting:
        part, depth = waiting.pop()
        if id(part) in found or depth == 0:
            continue
        found[id(part)] = part
        below = [value for _, _, value in _held(part)] if isinstance(part, PromptMixin) else _below(part)
        waiting += [(value, depth - 1) for value in below]
    return list(found.values())


def _gather(part: Any, found: dict[int, BaseRetriever], depth: int) -> None:
    if depth == 0 or id(part) in found:
        return
    if isinstance(part, BaseRetriever):
        found[id(part)] = part
    for value in _below(part):
        _gather(value, found, depth - 1)


def is_postprocessor(part: Any) -> bool:
    """Whether it does what postprocessors do, whatever it derives from."""
    return isinstance(part, BaseNodePostprocessor) or (
        callable(getattr(part, "postprocess_nodes", None)) and not isinstance(part, type)
    )


def is_innermost(retriever: BaseRetriever) -> bool:
    """Whether passages enter here: it asks no other retriever, or takes planted passages itself."""
    if callable(getattr(retriever, "with_planted", None)):
        return True
    inner: dict[int, BaseRetriever] = {}
    for value in _below(retriever):
        _gather(value, inner, _DEPTH)
    return not inner


def _below(part: Any) -> Iterable[Any]:
    if _is_container(part):
        return list(part.values()) if type(part) is dict else part
    if isinstance(part, _HOLDERS):
        return [value for _, _, value in _held(part)]
    return ()


def _is_container(part: Any) -> bool:
    """Whether it may hold parts; a long one holds data."""
    return type(part) in (list, tuple, dict) and len(part) <= _LONGEST


def _held(part: Any) -> Iterator[tuple[str, str, Any]]:
    """(where it is kept, under which name, what it is) of an object's attributes; pydantic keeps private ones apart."""
    for place in ("__dict__", "__pydantic_private__"):
        for name, value in list((getattr(part, place, None) or {}).items()):
            if name not in _NOT_PARTS:
                yield place, name, value


class Observed(BaseNodePostprocessor):
    """Does what another postprocessor does, and opens a span around it, so that it is seen."""

    _inner: Any = PrivateAttr()

    @classmethod
    def class_name(cls) -> str:
        return "TamisObserved"

    @property
    def observed_name(self) -> str:
        """The class of the one that works."""
        return type(self._inner).__name__

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        done: list[NodeWithScore] = self._inner.postprocess_nodes(nodes, query_bundle=query_bundle)
        return done

    @dispatcher.span
    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        done: list[NodeWithScore] = await self._inner.apostprocess_nodes(nodes, query_bundle=query_bundle)
        return done


def observed(part: Any) -> Any:
    """A postprocessor that opens a span on both its paths: itself, or an Observed around it.

    LlamaIndex opens one for ``_postprocess_nodes``, and so for the default async path, but for an async method of a
    component's own only where its author asked for it.
    """
    own = getattr(type(part), "_apostprocess_nodes", None)
    if isinstance(part, BaseNodePostprocessor) and (
        own is BaseNodePostprocessor._apostprocess_nodes or hasattr(own, DISPATCHER_SPAN_DECORATED_ATTR)
    ):
        return part
    seen = Observed()
    seen._inner = part
    return seen
