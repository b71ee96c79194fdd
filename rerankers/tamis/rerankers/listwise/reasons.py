"""Reasons: one sentence for each of the first nodes, in an event; the nodes go through as they are."""

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from llama_index.core.callbacks import CallbackManager
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
from pydantic import Field, field_validator

from tamis.core.errors import BadSetting
from tamis.core.media import MediaPolicy
from tamis.models.chooser import Writer

from ..ranker import Read, contents, why
from ..reranking import Steps
from ..scoring import Call, adrive, aperform, drive, in_thread, perform
from ..stage import ReadingStage, Stage
from .asks_model import AsksModel
from .choosing import Ask, Reply, aask_all, ask_all, can_write, model_name
from .prompt import ListPrompt, list_prompt

dispatcher = get_dispatcher(__name__)

LONGEST = 400
_SENTENCE = re.compile(r".+?[.!?](?=\s|$)")


class Reason(NamedTuple):
    """Why a node may be relevant, in one sentence; None where there is none, and why."""

    node_id: str
    text: str | None
    why_not: str | None = None


class ReasonsEvent(BaseEvent):
    """The reasons for the first nodes of a call, in their order: written by a model, true or not.

    Each has "node_id", "text" and, where that is None, "why_not".
    """

    model: str
    query: str
    reasons: list[dict[str, str | None]]

    @classmethod
    def class_name(cls) -> str:
        """The event's name for handlers."""
        return "TamisReasonsEvent"


class Reasons(AsksModel, ReadingStage):
    """Has a model say in one sentence what bears on the query in each of the ``first`` nodes; changes nothing.

    Put it behind a reranker. Nodes, their order, scores and metadata go through untouched; the reasons are in a
    ReasonsEvent and in ``last``, or come from ``explain`` and ``aexplain`` directly. What a model writes about why is
    a sentence that sounds likely, and no account of how the ranking came about. One call of the writer for all nodes;
    of its text the first sentence is taken. Where it fails, or is not done after ``deadline_s``, there is no reason,
    and why not is said. Without a query there are none either.

    Raises BadSetting for a ``writer`` that cannot write, and for a setting outside its range.
    """

    writer: Any = Field(description="A Writer, its name, or its name and settings.")
    first: int = Field(default=3, ge=1, strict=True)
    max_tokens: int = Field(default=60, ge=1, strict=True)
    model_field: ClassVar[str] = "writer"
    _last: tuple[Reason, ...] = ()

    def __init__(
        self,
        writer: Writer | str | Mapping[str, Any],
        first: int = 3,
        *,
        max_tokens: int = 60,
        deadline_s: float | None = None,
        prompt: ListPrompt | Path | str = "reason",
        max_words: int | None = 200,
        media: MediaPolicy | Mapping[str, Any] | None = None,
        metadata_mode: MetadataMode = MetadataMode.NONE,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        Stage.__init__(
            self,
            writer=writer,
            first=first,
            max_tokens=max_tokens,
            deadline_s=deadline_s,
            prompt=str(prompt) if isinstance(prompt, Path) else prompt,
            max_words=max_words,
            media=media,
            metadata_mode=metadata_mode,
            callback_manager=callback_manager,
        )

    @field_validator("writer", mode="after")
    @classmethod
    def _check_writer(cls, value: Any) -> Any:
        if not can_write(value):
            raise BadSetting(f"reasons need a Writer; {type(value).__name__} is none")
        return value

    @property
    def last(self) -> tuple[Reason, ...]:
        """The reasons of the call that ended last."""
        return self._last

    def explain(self, query: QueryBundle | str, nodes: Sequence[NodeWithScore]) -> list[Reason]:
        """A reason for each of the first nodes, in their order."""
        return drive(self._steps(QueryBundle(query) if isinstance(query, str) else query, nodes), perform)

    async def aexplain(self, query: QueryBundle | str, nodes: Sequence[NodeWithScore]) -> list[Reason]:
        """The same as ``explain``, the event loop free while it waits."""
        return await adrive(self._steps(QueryBundle(query) if isinstance(query, str) else query, nodes), aperform)

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is not None and nodes:
            self._tell(query_bundle, self.explain(query_bundle, nodes))
        return list(nodes)

    # Decorated by hand: LlamaIndex does so for the sync method only.
    @dispatcher.span
    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is not None and nodes:
            self._tell(query_bundle, await self.aexplain(query_bundle, nodes))
        return list(nodes)

    def _steps(self, query: QueryBundle, nodes: Sequence[NodeWithScore]) -> Steps[list[Reason]]:
        until = None if self.deadline_s is None else time.monotonic() + self.deadline_s
        first = list(nodes[: self.first])
        found: list[str | None] = [None] * len(first)
        why_not: list[str | None] = [None] * len(first)
        outcome = yield in_thread(lambda: contents(first, query, self.media, self.metadata_mode), until)
        if outcome.late or outcome.error is not None:
            why_not = [why(outcome, self.deadline_s)] * len(first)
        else:
            read: Read = outcome.value
            usable = [at for at in range(len(first)) if at not in read.why_not] if read.query else []
            for at in range(len(first)):
                why_not[at] = read.why_not.get(at, None if read.query else "the query is empty")
            if usable:
                outcome = yield self._asking(read, usable, until)
                if outcome.late or outcome.error is not None:
                    replies = [Reply(reason=why(outcome, self.deadline_s))] * len(usable)
                else:
                    (replies,) = outcome.value
                for at, reply in zip(usable, replies, strict=True):
                    found[at] = None if reply.value is None else first_sentence(reply.value)
                    why_not[at] = reply.reason or (None if found[at] else "the model wrote nothing")
        return [
            Reason(node.node.node_id, text, None if text else reason)
            for node, text, reason in zip(first, found, why_not, strict=True)
        ]

    def _asking(self, read: Read, usable: Sequence[int], until: float | None) -> Call:
        prompt = list_prompt(self.prompt)
        prompts = tuple(prompt.prompt(read.query, [("1", read.passages[at])], self.max_words) for at in usable)
        ask = Ask(prompts, None, self.max_tokens, until)
        return Call(lambda: ask_all(self.writer, [ask]), lambda: aask_all(self.writer, [ask]), until)

    def _tell(self, query: QueryBundle, reasons: Sequence[Reason]) -> None:
        self._last = tuple(reasons)
        dispatcher.event(
            ReasonsEvent(
                model=model_name(self.writer), query=query.query_str, reasons=[reason._asdict() for reason in reasons]
            )
        )


def first_sentence(text: str) -> str | None:
    """The first sentence of what a model wrote, on one line and of bounded length; None where it wrote nothing.

    >>> first_sentence("It names the bus.\\nIt also says more.")
    'It names the bus.'
    """
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    found = _SENTENCE.match(line)
    return (found[0] if found else line)[:LONGEST] or None
