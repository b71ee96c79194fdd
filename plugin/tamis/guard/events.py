"""What a guard decided, as events of LlamaIndex's instrumentation. They hold no harmful text, and no long one."""

from typing import Literal

from llama_index.core.instrumentation.events import BaseEvent

from .ruling import Decision

Action = Literal["released", "marked", "withheld", "regenerated", "cut", "skipped"]
"""What became of a sentence. Regenerated: it was withheld, and the model took the answer up again from before it.
Skipped: a regenerating model said again what already stood there, or that there is nothing to add."""

Ending = Literal["complete", "cut", "refused", "stopped", "failed"]
"""Stopped: whoever read the answer went away. Failed: the model that wrote it raised an error."""

SHOWN = 160
"""Characters of a sentence that an event shows."""


class GuardSentenceEvent(BaseEvent):
    """A sentence was ruled on. ``answer`` is the same for all events of an answer, ``sentence`` counts from 0.

    ``attempt`` is 0 for the engine's own words, 1 for the first regeneration, and so on. ``supported`` and ``harmful``
    are probabilities, None where nobody gave one. ``text`` is the beginning of the sentence, "" for a harmful one.
    """

    answer: str
    sentence: int
    attempt: int
    decision: Decision
    action: Action
    reason: str
    supported: float | None = None
    harmful: float | None = None
    category: str | None = None
    text: str = ""

    @classmethod
    def class_name(cls) -> str:
        """The event's name for handlers."""
        return "TamisGuardSentenceEvent"


class GuardQueryEvent(BaseEvent):
    """A query was screened, before any model saw it; ``refused`` says whether it was answered with a refusal."""

    answer: str
    refused: bool
    decision: Decision
    reason: str
    harmful: float | None = None
    category: str | None = None

    @classmethod
    def class_name(cls) -> str:
        """The event's name for handlers."""
        return "TamisGuardQueryEvent"


class GuardPassageEvent(BaseEvent):
    """A passage was harmful, or could not be screened; ``dropped`` says whether it was kept from the model.

    ``answer`` is "" where passages were screened outside a guarded answer.
    """

    answer: str = ""
    node_id: str
    dropped: bool
    decision: Decision
    reason: str
    harmful: float | None = None
    category: str | None = None

    @classmethod
    def class_name(cls) -> str:
        """The event's name for handlers."""
        return "TamisGuardPassageEvent"


class GuardOutcomeEvent(BaseEvent):
    """An answer has ended. Counts are of sentences ruled on, those of regenerations too.

    ``first_unsupported`` is the place of the first sentence that did not hold, counted from 0; None where all did.
    ``seconds`` is what judging and screening took, which is what the guard costs beside the model.
    """

    answer: str
    ending: Ending
    reason: str = ""
    counts: dict[str, int]
    released: int
    regenerations: int
    first_unsupported: int | None = None
    seconds: float = 0.0

    @classmethod
    def class_name(cls) -> str:
        """The event's name for handlers."""
        return "TamisGuardOutcomeEvent"
