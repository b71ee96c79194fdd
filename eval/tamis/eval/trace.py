"""What a pipeline did with one question: the passages after each of its steps, the prompt, the answer, what it cost."""

from dataclasses import dataclass

from tamis.core.content import Content


@dataclass(frozen=True)
class Passage:
    """A passage as it stands after a step; ``planted`` names the attack that put it there, None for the corpus's own.

    ``score`` is the step's own number, on its own scale; None where it gave none.
    """

    id: str
    content: Content
    score: float | None = None
    planted: str | None = None


@dataclass(frozen=True)
class Step:
    """One step of a pipeline: ``name`` ("retrieve", "Reranker", ...), what it gave on, in order, and its seconds."""

    name: str
    passages: tuple[Passage, ...]
    seconds: float | None = None


@dataclass(frozen=True)
class Usage:
    """What an answer cost: tokens in and out, money in the user's currency, energy in joules; None: not known."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None
    joules: float | None = None


@dataclass(frozen=True)
class Trace:
    """One run of a pipeline on one question.

    ``steps`` are in the order in which they ran; the passages of the last are those that fed the answer. ``prompt``
    is what the language model was given, None where that is not known. ``answer`` is None where the target gives none
    (a retriever), and empty where it answered nothing. ``seconds`` is the time on the clock.
    """

    steps: tuple[Step, ...] = ()
    answer: Content | None = None
    prompt: str | None = None
    seconds: float | None = None
    usage: Usage = Usage()

    @property
    def context(self) -> tuple[Passage, ...]:
        """The passages that fed the answer; empty where no step is known."""
        return self.steps[-1].passages if self.steps else ()
