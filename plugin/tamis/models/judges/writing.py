"""Anything that writes replies as one seam: a scorer of this package that writes, or a plain chat function."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tamis.core.errors import BROKEN_SETUP, BadSetting, TamisError
from tamis.core.threads import in_thread

from ..chooser import Writer
from ..template import Prompt

logger = logging.getLogger(__name__)

Chat = Callable[[str, str], str | None]
"""A chat function: system turn and user turn in, reply out; None for none. What it raises is a reply that failed."""


class Written(NamedTuple):
    """A reply, None with the reason where there is none."""

    text: str | None
    reason: str = ""


@dataclass(frozen=True)
class ChatWriter:
    """A plain chat function as a Writer. A prompt with images gets no reply; how long a reply is, is its own affair."""

    chat: Chat

    def write(self, prompts: Sequence[Prompt], max_tokens: int = 64) -> list[str | None]:
        """The function's replies, in order; None where it raised."""
        replies: list[str | None] = []
        for prompt in prompts:
            try:
                replies.append(None if prompt.images else self.chat(prompt.system, text_of(prompt)))
            except Exception as error:  # noqa: BLE001 - one failed reply must not lose the others
                logger.warning("a chat function failed: %s", type(error).__name__)
                replies.append(None)
        return replies

    async def awrite(self, prompts: Sequence[Prompt], max_tokens: int = 64) -> list[str | None]:
        """The same, off the event loop."""
        return await in_thread(self.write, prompts, max_tokens)


def text_of(prompt: Prompt) -> str:
    """The user's turn as one text, images left out."""
    return "".join(part.text for part in prompt.parts)


def writer_of(given: Any) -> Writer:
    """A Writer from one, from a chat function, or from a scorer's name and settings. Raises BadSetting for none."""
    if isinstance(given, Writer):
        return given
    if isinstance(given, str | dict):
        from .. import SCORERS

        built: Any = SCORERS.build(given)
        if isinstance(built, Writer):
            return built
        raise BadSetting(f"the scorer {given!r} writes no text; take one that does, such as http or mllm")
    if callable(given):
        return ChatWriter(given)
    raise BadSetting(f"a judge that asks needs something that writes, or a chat function, not {type(given).__name__}")


def spec_of(writer: Any) -> Any:
    """A writer as JSON where it has a name. Raises UnknownComponent for a chat function, which has none."""
    from .. import SCORERS

    return SCORERS.spec(writer)


def written(writer: Writer, prompts: Sequence[Prompt], max_tokens: int) -> list[Written]:
    """One reply for each prompt; an error of the model is the reason of all, not the end of them.

    Raises what BROKEN_SETUP lists: no other claim would be spared it.
    """
    if not prompts:
        return []
    try:
        replies = writer.write(prompts, max_tokens)
    except BROKEN_SETUP:
        raise
    except TamisError as error:
        return [Written(None, str(error))] * len(prompts)
    if len(replies) != len(prompts):
        return [Written(None, f"the model gave {len(replies)} replies to {len(prompts)} prompts")] * len(prompts)
    return [Written(reply, "" if reply is not None else "the model gave no reply") for reply in replies]
