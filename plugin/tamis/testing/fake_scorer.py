"""A scorer that needs no model: scores written down by passage text, word overlap for the rest."""

import asyncio
import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tamis.core.content import Content
from tamis.core.errors import BadSetting, ScorerError

_RULES = ("overlap", "unknown")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class FakeScorer:
    """Gives each passage the log-odds written down for its text; ``rule`` decides about all other passages.

    ``rule="overlap"``: log-odds of the share of the query's distinct words that the passage has, each count
    raised by a half, so that the score is finite; None where query or passage has no words. ``rule="unknown"``:
    None. ``delay_s`` is how long each call takes, however many passages it gets; ``ascore`` waits without
    blocking the event loop. With ``error`` every call raises ScorerError with that message, after the delay.

    >>> FakeScorer({"a red bus": 3.0}).score(Content("blue bus"), [Content("a red bus"), Content("the blue bus")])
    [3.0, 1.6094379124341003]
    >>> FakeScorer(rule="unknown").score(Content("blue bus"), [Content("the blue bus")])
    [None]
    """

    scores: Mapping[str, float | None] = field(default_factory=dict)
    rule: Literal["overlap", "unknown"] = "overlap"
    delay_s: float = 0.0
    error: str | None = None

    def __post_init__(self) -> None:
        if self.rule not in _RULES:
            raise BadSetting(f'rule is "{self.rule}"; it must be one of {", ".join(_RULES)}')
        if not (math.isfinite(self.delay_s) and self.delay_s >= 0):
            raise BadSetting(f"delay_s is {self.delay_s}; it must be a number of seconds, 0 or more")

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        """Log-odds of "relevant", one for each passage, in order. Raises ScorerError if told to."""
        time.sleep(self.delay_s)
        return self._answer(query, passages)

    async def ascore(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        """The same numbers as ``score``; the event loop is free while it waits."""
        await asyncio.sleep(self.delay_s)
        return self._answer(query, passages)

    def _answer(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        if self.error is not None:
            raise ScorerError(self.error)
        return [self._one(query.text, passage.text) for passage in passages]

    def _one(self, query: str, passage: str) -> float | None:
        if passage in self.scores:
            return self.scores[passage]
        return word_overlap(query, passage) if self.rule == "overlap" else None


def word_overlap(query: str, passage: str) -> float | None:
    """Log-odds of the share of the query's distinct words found in the passage; None if either has no words."""
    asked, found = _words(query), _words(passage)
    if not asked or not found:
        return None
    hits = len(asked & found)
    return math.log((hits + 0.5) / (len(asked) - hits + 0.5))


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))
