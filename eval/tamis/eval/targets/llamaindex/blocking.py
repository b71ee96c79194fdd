"""Which parts of a LlamaIndex pipeline have no async side of their own: asked in the event loop, they stop it."""

import inspect
from typing import Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.chat_engine.types import BaseChatEngine
from llama_index.core.llms import CustomLLM, MockLLM
from llama_index.core.query_engine import CustomQueryEngine

from .parts import parts_of


def blocks(pipeline: Any) -> bool:
    """Whether a part of a pipeline answers by a base class's async method, which calls the synchronous one as it is.

    Told of retrievers, of a CustomQueryEngine and of a CustomLLM, by the method that is asked: chat engines chat, and
    all others let the LLM's metadata choose.
    """
    chats = isinstance(pipeline, BaseChatEngine)
    return any(_blocks(part, chats) for part in parts_of(pipeline))


def _blocks(part: Any, chats: bool) -> bool:
    if isinstance(part, BaseRetriever):
        return _inherits(part, BaseRetriever, "_aretrieve")
    if isinstance(part, CustomQueryEngine):
        return _inherits(part, CustomQueryEngine, "acustom_query")
    # A MockLLM answers at once, where it is asked at all: it stands where a pipeline has no LLM.
    if isinstance(part, CustomLLM) and type(part) is not MockLLM:
        return _inherits(part, CustomLLM, "achat" if chats or _is_chat_model(part) else "acomplete")
    return False


def _inherits(part: Any, base: type, method: str) -> bool:
    return inspect.unwrap(getattr(type(part), method)) is inspect.unwrap(getattr(base, method))


def _is_chat_model(model: CustomLLM) -> bool:
    try:
        return bool(model.metadata.is_chat_model)
    except Exception:  # noqa: BLE001 - somebody's property; LlamaIndex completes by default
        return False
