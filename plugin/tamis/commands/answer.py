"""An answer from an OpenAI-compatible endpoint, written from the passages that were kept."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tamis.core.errors import BadSetting, MissingExtra
from tamis.core.threads import begun

if TYPE_CHECKING:
    from httpx import Response
    from llama_index.core.llms import LLM
    from llama_index.core.query_engine import RetrieverQueryEngine
    from llama_index.core.schema import NodeWithScore, QueryBundle

KEY = "TAMIS_LLM_API_KEY"
_CONTEXT = 8192
_NOTHING = "Empty Response"
"""What LlamaIndex puts in the place of an answer that is empty."""


class Answer(NamedTuple):
    """What the endpoint wrote, or why there is nothing; one of the two is None. ``cut_off`` where it was not done."""

    text: str | None
    error: str | None
    cut_off: bool = False


@dataclass
class Endpoint:
    """A model behind an endpoint, how long its answer is waited for, and whether a reply was cut off at its limit."""

    llm: "LLM"
    timeout_s: float
    has_cut_off: bool = False

    def look(self, response: "Response") -> None:
        """Notes whether a reply ended at a limit: LlamaIndex hands on its text alone."""
        response.read()
        try:
            self.has_cut_off |= any(choice["finish_reason"] == "length" for choice in response.json()["choices"])
        except (ValueError, LookupError, TypeError, RecursionError):
            # No chat completion, which is for others to tell.
            return


@contextmanager
def endpoint(url: str | None, model: str | None, timeout: float) -> Iterator[Endpoint | None]:
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
        llm = OpenAILike(
            model=model,
            api_base=url,
            api_key=os.environ.get(KEY) or "none",
            is_chat_model=True,
            context_window=_CONTEXT,
            timeout=timeout,
            max_retries=0,
            http_client=client,  # type: ignore[call-arg]
        )
        asked = Endpoint(llm, timeout)
        client.event_hooks = {"response": [asked.look]}
        yield asked


def write_answer(
    engine: "RetrieverQueryEngine", query: "QueryBundle", kept: "list[NodeWithScore]", asked: Endpoint
) -> Answer:
    """Has the engine's model answer from the passages; whatever goes wrong there is told, not raised."""
    # In a thread, since the client's own limit is for each piece of a reply: a byte now and then would keep us waiting.
    writing = begun(engine.synthesize, query, kept)
    try:
        response = writing.result(asked.timeout_s)
    except TimeoutError as error:
        if writing.done():
            return Answer(None, f"the endpoint gave no answer: {_reason(error)}")
        return Answer(None, f"the endpoint gave no whole answer in {asked.timeout_s:g} s; --llm-timeout is how long")
    except Exception as error:  # noqa: BLE001 - a server may answer anything, and the passages must not be lost
        return Answer(None, f"the endpoint gave no answer: {_reason(error)}")
    text = str(response).strip()
    if not text or text == _NOTHING:
        return Answer(None, "the endpoint gave an empty answer, or none that is a chat completion")
    return Answer(text, None, asked.has_cut_off)


def _reason(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}"
    if key := os.environ.get(KEY):
        # Some servers repeat the key in their error.
        text = text.replace(key, "***")
    return text if len(text) <= 400 else f"{text[:400]}…"
