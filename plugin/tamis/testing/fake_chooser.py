"""A chooser and writer that needs no model: it knows how relevant each passage is, and misbehaves when told to."""

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from tamis.core.content import Content
from tamis.core.errors import BadSetting, ScorerError
from tamis.models.template import Part, Prompt

from .fake_scorer import word_overlap

Misbehaviour = Literal[
    "none", "garbage", "prose", "repeats", "omits", "unknown", "few", "short", "long", "nan", "error"
]

LEAST = -9.0
"""What a passage is worth that nothing is known of."""
FEW = 3
"""How many labels and ids are given out by "few" and "omits"."""


@dataclass(frozen=True)
class FakeChooser:
    """Gives each label the relevance written down for the passage behind it; word overlap with the query otherwise.

    ``relevance`` maps a passage's text, or the ``describe()`` of the first image of one without text, to a number,
    higher is better. A prompt's passages are its runs of parts that belong to a passage; the first one is behind the
    first label. As a writer it orders "[1]", "[2]", ... best first; where a prompt has one passage, it writes a
    sentence about it.

    ``misbehave`` spoils the answer to every ``every``-th prompt: "none" gives None, "garbage" is no permutation,
    "prose" wraps it in words, "repeats" writes ids twice, "omits" and "few" give the best three only, "unknown" adds
    ids that do not exist, "short" and "long" give a wrong number of logits (of answers, as a writer), "nan" gives
    NaN; with "error" every ``every``-th call raises ScorerError. ``delay_s`` is how long a call takes, however many
    prompts it gets; the async methods wait without blocking. ``calls`` remembers how many prompts each call had.

    >>> prompt = Prompt((Part("[A] "), Part("a dog", owner="passage"), Part("[B] "), Part("a bus", owner="passage")))
    >>> FakeChooser({"a bus": 2.0, "a dog": 1.0}).choose([prompt], [["A", "B"]])
    [[1.0, 2.0]]
    >>> FakeChooser({"a bus": 2.0, "a dog": 1.0}).write([prompt])
    ['[2] > [1]']
    """

    relevance: Mapping[str, float] = field(default_factory=dict)
    misbehave: Misbehaviour | None = None
    every: int = 1
    delay_s: float = 0.0
    calls: list[int] = field(default_factory=list, init=False, repr=False, compare=False)
    _turn: "Turn" = field(default_factory=lambda: Turn(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.misbehave is not None and self.misbehave not in get_args(Misbehaviour):
            raise BadSetting(f'misbehave is "{self.misbehave}"; it must be one of {", ".join(get_args(Misbehaviour))}')
        if self.every < 1:
            raise BadSetting(f"every is {self.every}; it must be 1 or more")

    def choose(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]]) -> list[list[float | None]]:
        """One number for each label of each prompt. Raises ScorerError if told to."""
        time.sleep(self.delay_s)
        return self._choices(prompts, labels)

    async def achoose(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]]) -> list[list[float | None]]:
        """The same numbers as ``choose``; the event loop is free while it waits."""
        await asyncio.sleep(self.delay_s)
        return self._choices(prompts, labels)

    def write(self, prompts: Sequence[Prompt], max_tokens: int = 64) -> list[str | None]:
        """A permutation of each prompt's passages, or a sentence. Raises ScorerError if told to."""
        time.sleep(self.delay_s)
        return self._texts(prompts)

    async def awrite(self, prompts: Sequence[Prompt], max_tokens: int = 64) -> list[str | None]:
        """The same texts as ``write``; the event loop is free while it waits."""
        await asyncio.sleep(self.delay_s)
        return self._texts(prompts)

    def _choices(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]]) -> list[list[float | None]]:
        self._begin(len(prompts))
        return [self._choice(prompt, own) for prompt, own in zip(prompts, labels, strict=True)]

    def _choice(self, prompt: Prompt, labels: Sequence[str]) -> list[float | None]:
        values: list[float | None] = list(self.worth(prompt))
        values += [LEAST] * (len(labels) - len(values))
        if self.misbehave == "error" or not self._spoils():
            return values[: len(labels)]
        if self.misbehave == "few":
            best = sorted(range(len(values)), key=lambda at: -(values[at] or 0.0))[:FEW]
            return [value if at in best else None for at, value in enumerate(values)]
        if self.misbehave == "short":
            return values[:-1]
        if self.misbehave == "long":
            return [*values, 0.0]
        return [float("nan") if self.misbehave == "nan" else None] * len(labels)

    def _texts(self, prompts: Sequence[Prompt]) -> list[str | None]:
        self._begin(len(prompts))
        found = [self._text(prompt) for prompt in prompts]
        if self.misbehave in ("short", "long") and self._spoils():
            return found[:-1] if self.misbehave == "short" else [*found, ""]
        return found

    def _text(self, prompt: Prompt) -> str | None:
        worth = self.worth(prompt)
        spoils = self.misbehave not in ("short", "long", "error") and self._spoils()
        if len(worth) < 2:
            return None if spoils else f"Its words meet the question's by {sum(worth):.1f}.\nSecond line."
        ids = [at + 1 for at in sorted(range(len(worth)), key=lambda at: -worth[at])]
        if not spoils:
            return written(ids)
        match self.misbehave:
            case "garbage":
                return "I am sorry, but none of these can be compared."
            case "prose":
                return (
                    f"Sure! Here is the order you asked for:\n\n{written(ids)}\n\nLet me know if 2 things are unclear."
                )
            case "repeats":
                return written([*ids[:2], *ids])
            case "omits":
                return written(ids[:FEW])
            case "unknown":
                return written([0, *ids[:1], len(ids) + 7, *ids[1:]])
            case _:
                return None

    def worth(self, prompt: Prompt) -> list[float]:
        """The relevance of each passage of a prompt, in the order in which they stand."""
        query = "".join(part.text for part in prompt.parts if part.owner == "query")
        return [self._relevance(query, passage) for passage in passages_in(prompt)]

    def _relevance(self, query: str, passage: Content) -> float:
        key = passage.text.strip() or (passage.images[0].describe() if passage.images else "")
        if key in self.relevance:
            return self.relevance[key]
        overlap = word_overlap(query, passage.text)
        return LEAST if overlap is None else overlap

    def _begin(self, prompts: int) -> None:
        self.calls.append(prompts)
        if self.misbehave == "error" and self._spoils():
            raise ScorerError("the chooser is out of order, as it was told to be")

    def _spoils(self) -> bool:
        return self.misbehave is not None and self._turn.next() % self.every == 0


class Turn:
    """Counts up, from any thread; a copy begins anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0

    def next(self) -> int:
        """The next number, from 1."""
        with self._lock:
            self._number += 1
            return self._number

    def __reduce__(self) -> "tuple[type[Turn], tuple[()]]":
        return Turn, ()


def passages_in(prompt: Prompt) -> list[Content]:
    """The passages of a prompt: each run of parts that belong to one."""

    def runs() -> Iterator[list[Part]]:
        run: list[Part] = []
        for part in prompt.parts:
            if part.owner == "passage":
                run.append(part)
            elif run:
                yield run
                run = []
        if run:
            yield run

    return [
        Content("".join(part.text for part in run), tuple(part.image for part in run if part.image is not None))
        for run in runs()
    ]


def written(ids: Sequence[int]) -> str:
    """Ids as the permutation that a listwise model writes.

    >>> written([2, 1])
    '[2] > [1]'
    """
    return " > ".join(f"[{one}]" for one in ids)
