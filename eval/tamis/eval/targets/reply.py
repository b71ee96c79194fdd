"""What a function or an endpoint replied, as a Trace: text, content, a mapping of the documented form, or a Trace."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tamis.core.content import Content
from tamis.core.image import Image

from ..trace import Passage, Step, Trace, Usage
from .checks import own_id
from .errors import BadReply

MAX_ANSWER_BYTES = 1_000_000
"""The longest answer that is taken: more is a model that ran away, not an answer."""

_KNOWN = ("answer", "passages", "steps")


def trace_of(reply: object, max_answer_bytes: int = MAX_ANSWER_BYTES) -> Trace:
    """A Trace from a str, a Content, a Trace or a mapping. Raises BadReply for anything else, None above all.

    A mapping has ``answer`` (text or null), ``passages`` (best first) or ``steps`` (``[{"name", "passages",
    "seconds"?}]``, in the order in which they ran), and may have ``prompt`` and ``usage`` (``prompt_tokens``,
    ``completion_tokens``, ``cost``, ``joules``). A passage is ``{"id", "text", "score"?, "images"?}``, where images
    are data URLs; without an id it gets one by its content. Bare ``passages`` are one step, "retrieve". What else a
    mapping holds is left alone.

    >>> trace = trace_of({"answer": "red", "passages": [{"id": "d1", "text": "a red bus", "score": 0.5}]})
    >>> trace.answer, trace.context[0].id
    (Content(text='red', images=()), 'd1')
    """
    match reply:
        case Trace():
            trace = reply
        case str():
            trace = Trace(answer=Content(reply))
        case Content():
            trace = Trace(answer=reply)
        case Mapping():
            trace = _from_mapping(reply)
        case None:
            raise BadReply("the target returned None")
        case _:
            raise BadReply(
                f"the target returned a {type(reply).__name__}; it must return a str, a Content, a Trace or a mapping "
                'with "answer" and "passages"'
            )
    if trace.answer is not None:
        check_length(trace.answer.text, max_answer_bytes)
    return trace


def check_length(answer: str, max_answer_bytes: int = MAX_ANSWER_BYTES) -> None:
    """Raises BadReply, with the size, for an answer of more bytes."""
    # No character takes more than four bytes, so most answers need not be encoded to be measured.
    if len(answer) * 4 > max_answer_bytes:
        size = len(answer.encode("utf-8", "surrogatepass"))
        if size > max_answer_bytes:
            raise BadReply(f"the answer has {size:,} bytes; at most {max_answer_bytes:,} are taken")


def _from_mapping(reply: Mapping[Any, Any]) -> Trace:
    if not any(key in reply for key in _KNOWN):
        raise BadReply(f"the target's reply has none of {', '.join(_KNOWN)}; it has {_keys(reply)}")
    answer = reply.get("answer")
    if not isinstance(answer, str | Content | None):
        raise BadReply(f"the answer must be text or null, not a {type(answer).__name__}")
    prompt = reply.get("prompt")
    if not isinstance(prompt, str | None):
        raise BadReply(f"the prompt must be text or null, not a {type(prompt).__name__}")
    return Trace(
        steps=_steps(reply),
        answer=Content(answer) if isinstance(answer, str) else answer,
        prompt=prompt,
        usage=_usage(reply.get("usage")),
    )


def _steps(reply: Mapping[Any, Any]) -> tuple[Step, ...]:
    written = reply.get("steps")
    if written is None:
        passages = reply.get("passages")
        return () if passages is None else (Step("retrieve", _passages(passages, "passages")),)
    steps: list[Step] = []
    for number, step in enumerate(_list(written, "steps")):
        place = f"steps[{number}]"
        if not isinstance(step, Mapping) or not isinstance(step.get("name"), str):
            raise BadReply(f'{place} must be an object with a "name" and "passages"')
        seconds = _number(step.get("seconds"), f"{place}.seconds")
        steps.append(Step(step["name"], _passages(step.get("passages"), f"{place}.passages"), seconds))
    return tuple(steps)


def _passages(written: object, place: str) -> tuple[Passage, ...]:
    return tuple(_passage(one, f"{place}[{number}]") for number, one in enumerate(_list(written, place)))


def _passage(written: object, place: str) -> Passage:
    match written:
        case Passage():
            return written if written.id else replace(written, id=own_id(written.content))
        case str():
            return Passage(own_id(Content(written)), Content(written))
        case Mapping():
            pass
        case _:
            raise BadReply(f'{place} must be an object with "id" and "text", not a {type(written).__name__}')
    text = written.get("text", "")
    if not isinstance(text, str):
        raise BadReply(f"{place}.text must be text, not a {type(text).__name__}")
    content = Content(text, _images(written.get("images") or (), f"{place}.images"))
    id = written.get("id")
    if isinstance(id, int) and not isinstance(id, bool):
        id = str(id)
    if not isinstance(id, str | None):
        raise BadReply(f"{place}.id must be text, not a {type(id).__name__}")
    return Passage(id or own_id(content), content, _number(written.get("score"), f"{place}.score"))


def _images(written: object, place: str) -> tuple[Image, ...]:
    images: list[Image] = []
    for number, one in enumerate(_list(written, place)):
        if isinstance(one, Image):
            images.append(one)
        elif isinstance(one, str) and one.lstrip()[:5].lower() == "data:":
            images.append(Image(url=one.strip()))
        else:
            raise BadReply(f"{place}[{number}] must be a data URL")
    return tuple(images)


def _usage(written: object) -> Usage:
    match written:
        case None:
            return Usage()
        case Usage():
            return written
        case Mapping():
            pass
        case _:
            raise BadReply(f"usage must be an object, not a {type(written).__name__}")
    counts: dict[str, int | None] = {}
    for name in ("prompt_tokens", "completion_tokens"):
        count = written.get(name)
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
            raise BadReply(f"usage.{name} must be a whole number of at least 0")
        counts[name] = count
    amounts = {name: _number(written.get(name), f"usage.{name}") for name in ("cost", "joules")}
    return Usage(counts["prompt_tokens"], counts["completion_tokens"], amounts["cost"], amounts["joules"])


def _number(value: object, place: str) -> float | None:
    """A finite float; None for none and for NaN and infinities, which nothing can be compared with."""
    if value is None:
        return None
    if isinstance(value, bool | str) or not hasattr(value, "__float__"):
        raise BadReply(f"{place} must be a number or null, not a {type(value).__name__}")
    number = float(value)
    return number if math.isfinite(number) else None


def _list(written: object, place: str) -> Sequence[Any]:
    if not isinstance(written, Sequence) or isinstance(written, str | bytes):
        raise BadReply(f"{place} must be a list, not a {type(written).__name__}")
    return written


def _keys(reply: Mapping[Any, Any]) -> str:
    shown = ", ".join(str(key)[:40] for key in list(reply)[:8])
    return shown or "nothing at all"
