"""Closes a model's stream, and what LlamaIndex has wrapped around it, from the inside out."""

import gc
from collections.abc import AsyncGenerator, Generator
from types import FrameType
from typing import Any


def close(stream: Any) -> None:
    """Closes a stream now, down to the model's own.

    LlamaIndex's wrappers close what they wrap only when the last reference to it goes, and the event with which they
    tell that they were closed refers to it: whoever keeps events would keep the model at work. Generators of others
    are closed as they are, and look after what they wrap themselves.
    """
    if isinstance(stream, Generator):
        for inner in _wrapped(stream, getattr(stream, "gi_frame", None), Generator):
            close(inner)
    if callable(closing := getattr(stream, "close", None)):
        closing()


async def aclose(stream: Any) -> None:
    """As ``close``, of an asynchronous stream."""
    if isinstance(stream, AsyncGenerator):
        for inner in _wrapped(stream, getattr(stream, "ag_frame", None), AsyncGenerator):
            await aclose(inner)
    if callable(closing := getattr(stream, "aclose", None)):
        await closing()


def _wrapped(stream: Any, frame: FrameType | None, kind: type) -> list[Any]:
    """The streams that a suspended wrapper of LlamaIndex's reads from."""
    if frame is None or not str(frame.f_globals.get("__name__", "")).startswith("llama_index."):
        return []
    # What a loop runs over has no name: it is found among all that the wrapper refers to.
    held = [*frame.f_locals.values(), *gc.get_referents(stream)]
    return [one for one in {id(one): one for one in held}.values() if isinstance(one, kind)]
