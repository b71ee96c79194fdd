"""An answer from an OpenAI-compatible endpoint, written from the passages that were kept."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from tamis.core.errors import BadSetting, MissingExtra

if TYPE_CHECKING:
    from llama_index.core.llms import LLM
    from llama_index.core.query_engine import RetrieverQueryEngine
    from llama_index.core.schema import NodeWithScore, QueryBundle

KEY = "TAMIS_LLM_API_KEY"
_CONTEXT = 8192
_NOTHING = "Empty Response"
"""What LlamaIndex puts in the place of an answer that is empty."""


class Answer(NamedTuple):
    """What the endpoint wrote, or why there is nothing; one of the two is None."""

    text: str | None
    error: str | None


@contextmanager
def endpoint(url: str | None, model: str | None, timeout: float) -> Iterator["LLM | None"]:
    """The model behind an endpoint, whose connections are closed behind it; None without a URL. Nothing is asked yet.

    The key comes from TAMIS_LLM_API_KEY and from nowhere else: OPENAI_API_KEY is not sent to somebody's own server.
    Raises BadSetting for a URL that is none and without a model's name, MissingExtra without the extra ``llm``.
    """
    if not url:
        yield None
        return
    if not url.startswith(("http://", "https://")):
        raise BadSetting(
            f'--llm-url is "{url}"; it must start with http:// or https://, such as http://localhost:8000/v1'
        )
    if not model:
        raise BadSetting("--llm-url needs the model's name there: --llm-model or TAMIS_LLM_MODEL")
    try:
        from llama_index.llms.openai_like import OpenAILike
        from openai import DefaultHttpxClient
    except ImportError as error:
        raise MissingExtra("an answer from an endpoint", extra="llm") from error
    with DefaultHttpxClient() as client:
        yield OpenAILike(
            model=model,
            api_base=url,
            api_key=os.environ.get(KEY) or "none",
            is_chat_model=True,
            context_window=_CONTEXT,
            timeout=timeout,
            max_retries=0,
            http_client=client,  # type: ignore[call-arg]
        )


def write_answer(engine: "RetrieverQueryEngine", query: "QueryBundle", kept: "list[NodeWithScore]") -> Answer:
    """Has the engine's model answer from the passages; whatever goes wrong there is told, not raised."""
    try:
        response = engine.synthesize(query, kept)
    except Exception as error:  # noqa: BLE001 - a server may answer anything, and the passages must not be lost
        return Answer(None, f"the endpoint gave no answer: {_reason(error)}")
    text = str(response).strip()
    if not text or text == _NOTHING:
        return Answer(None, "the endpoint gave an empty answer, or none that is a chat completion")
    return Answer(text, None)


def _reason(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}"
    if key := os.environ.get(KEY):
        # Some servers repeat the key in their error.
        text = text.replace(key, "***")
    return text if len(text) <= 400 else f"{text[:400]}…"
