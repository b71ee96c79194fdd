"""Closes a model's stream, and what LlamaIndex has wrapped around it, from the inside out."""

import gc
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from types import FrameType
from typing import Any


def close(stream: Any) -> None:
    """Closes a stream now, down to the model's own and to the connection that it comes through.

    LlamaIndex's wrappers close what they wrap only when the last reference to it goes, and the event with which they
    tell that they were closed refers to it: whoever keeps events would keep the model at work. Generators of others
    are closed as they are, and look after what they wrap themselves, but for the streams of HTTP clients: those of
    OpenAI's and others refer to themselves, and would read on until garbage is collected.
    """
    if isinstance(stream, Generator):
        for inner in _wrapped(stream, getattr(stream, "gi_frame", None), Generator, Iterator):
            close(inner)
    if callable(closing := getattr(stream, "close", None)):
        closing()


async def aclose(stream: Any) -> None:
    """As ``close``, of an asynchronous stream."""
    if isinstance(stream, AsyncGenerator):
        for inner in _wrapped(stream, getattr(stream, "ag_frame", None), AsyncGenerator, AsyncIterator):
            await aclose(inner)
    closing = getattr(stream, "aclose", None) or getattr(stream, "close", None)
    if callable(closing) and inspect.isawaitable(closed := closing()):
        await closed


def _wrapped(stream: Any, frame: FrameType | None, generators: type, iterators: type) -> list[Any]:
    """What a suspended generator reads from: LlamaIndex's wrappers' streams, and anybody's HTTP client's."""
    if frame is None:
        return []
    is_ours = str(frame.f_globals.get("__name__", "")).startswith("llama_index.")
    # What a loop runs over has no name: it is found among all that the wrapper refers to.
    held = {id(one): one for one in [*frame.f_locals.values(), *gc.get_referents(stream)]}.values()
    return [one for one in held if (is_ours and isinstance(one, generators)) or _is_clients(one, iterators)]


def _is_clients(one: Any, iterators: type) -> bool:
    """Whether it is the stream of an HTTP client: an iterator over a response that can be closed."""
    if isinstance(one, Generator | AsyncGenerator) or not isinstance(one, iterators):
        return False
    response = getattr(one, "response", None)
    closes = callable(getattr(response, "close", None)) or callable(getattr(response, "aclose", None))
    return closes and callable(getattr(one, "close", None))
