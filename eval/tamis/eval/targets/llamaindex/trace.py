"""A Trace from what was recorded of a LlamaIndex pipeline and from what it answered."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks.token_counting import get_tokens_from_response
from llama_index.core.instrumentation.events.llm import LLMChatStartEvent
from llama_index.core.schema import NodeWithScore
from llama_index.core.utils import get_tokenizer

from tamis.core.content import Content

from ...trace import Passage, Step, Usage
from ..reply import check_length
from .recording import Call, Recording, Stage

NO_NODES = "Empty Response"
"""What LlamaIndex's synthesizers answer, without asking the model, where they are given no passage."""


def steps_of(recording: Recording, sources: Sequence[NodeWithScore] = ()) -> tuple[Step, ...]:
    """The steps in the order in which they began: "retrieve" and each postprocessor by its class's name.

    What the synthesizer was given is a step of its own, "synthesize", where it differs from what the step before gave
    on: a component that is not seen stood between. Where no synthesizer was seen, the answer's ``sources`` take its
    place, as "sources". A name that comes again gets its number: "retrieve 2".
    """
    stages = sorted(recording.stages, key=lambda stage: stage.began)
    if sources and not any(stage.kind == "synthesize" for stage in stages):
        end = stages[-1].ended + 1 if stages else 0
        stages.append(Stage("synthesize", "sources", tuple(map(recording.shown, sources)), end, end))
    steps: list[Step] = []
    names: Counter[str] = Counter()
    for stage in stages:
        if stage.kind == "synthesize" and steps and _same(stage.passages, steps[-1].passages):
            continue
        names[stage.name] += 1
        name = stage.name if names[stage.name] == 1 else f"{stage.name} {names[stage.name]}"
        steps.append(Step(name, stage.passages, stage.seconds))
    return tuple(steps)


def _same(one: Sequence[Passage], other: Sequence[Passage]) -> bool:
    return [(passage.id, passage.content) for passage in one] == [(passage.id, passage.content) for passage in other]


def prompt_of(recording: Recording) -> str | None:
    """What the model was given to answer from: every call after the last step, parted by an empty line; None for none.

    Calls of retrievers and postprocessors, and those that rewrite the question before it is searched for, are left out.
    """
    after = max((stage.ended for stage in recording.stages), default=0)
    prompts = [_prompt(call) for call in recording.calls if call.began > after]
    return "\n\n".join(prompts) if prompts else None


def _prompt(call: Call) -> str:
    if isinstance(call.start, LLMChatStartEvent):
        return "\n".join(_line(message) for message in call.start.messages)
    return call.start.prompt


def _line(message: ChatMessage) -> str:
    return message.role.value + ": " + (message.content or "")


def usage_of(recording: Recording, tokenizer: Callable[[str], Sequence[Any]] | None = None) -> Usage:
    """Tokens of all calls of the question: as the model's server counted them, else by LlamaIndex's tokenizer.

    None where no model was asked, or, for what came out, where a call did not end.
    """
    if not recording.calls:
        return Usage()
    count = tokenizer or get_tokenizer()
    into, out = 0, 0
    unknown = False
    for call in recording.calls:
        given, made = _counted(call)
        into += given or len(count(_prompt(call)))
        if not made:
            text = _completion(call)
            unknown |= text is None
            made = len(count(text or ""))
        out += made
    return Usage(into, None if unknown else out)


def _counted(call: Call) -> tuple[int, int]:
    response = None if call.end is None else call.end.response
    if response is None:
        return 0, 0
    try:
        given, made = get_tokens_from_response(response)
    except (TypeError, ValueError, AttributeError):
        # A server's own object that is no mapping.
        return 0, 0
    return given or 0, made or 0


def _completion(call: Call) -> str | None:
    response = None if call.end is None else call.end.response
    if response is None:
        return None
    return response.text if hasattr(response, "text") else (response.message.content or "")


def sources_of(response: Any) -> Sequence[NodeWithScore]:
    """The passages that an answer names; empty where it names none."""
    found = getattr(response, "source_nodes", None)
    if isinstance(found, list) and all(isinstance(one, NodeWithScore) for one in found):
        return found
    return ()


def content_from(text: str | None, recording: Recording) -> Content:
    """An answer's text; LlamaIndex's stand-in for no passages is an empty answer, for no model gave it."""
    if text is None or (text.strip() == NO_NODES and not recording.calls):
        return Content()
    return Content(text)


def whole(parts: Iterator[Any], limit: int) -> str:
    """A streamed answer's text. Raises BadReply as soon as it is too long."""
    text: list[str] = []
    size = 0
    for part in parts:
        size = _grown(text, size, str(part or ""), limit)
    return "".join(text)


async def awhole(parts: AsyncIterator[Any], limit: int) -> str:
    """As ``whole``."""
    text: list[str] = []
    size = 0
    async for part in parts:
        size = _grown(text, size, str(part or ""), limit)
    return "".join(text)


def _grown(text: list[str], size: int, part: str, limit: int) -> int:
    text.append(part)
    if size + len(part) > limit:
        check_length("".join(text), limit)
    return size + len(part)
