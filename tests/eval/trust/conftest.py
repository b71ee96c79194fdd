"""What the tests of trust share: the published sets, two small judges, and records made from what a test says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pytest

from tamis.core.content import Content
from tamis.eval.outcome import Outcome, Scored, Unscored
from tamis.eval.run.record import Record
from tamis.eval.variant import Variant
from tamis.models.judge import Verdict
from tamis.models.lexical import tokenize

Recorded = Callable[..., Record]


@dataclass(frozen=True)
class Shared:
    """P(supported) is the share of the claim's words that the evidence holds, "numbers" alone if so named."""

    name: str = "words"

    def judge(self, claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> list[Verdict]:
        found = []
        for claim, passages in zip(claims, evidence, strict=True):
            wanted = {word for word in _words(claim) if self.name == "words" or word.isdigit()}
            held = frozenset().union(*(_words(passage.text) for passage in passages))
            found.append(Verdict(len(wanted & held) / len(wanted) if wanted else 1.0, "by its words"))
        return found


@lru_cache(maxsize=4096)
def _words(text: str) -> frozenset[str]:
    return frozenset(tokenize(text))


WORDS, NUMBERS = Shared("words"), Shared("numbers")


@pytest.fixture
def words() -> Shared:
    return WORDS


@pytest.fixture
def numbers() -> Shared:
    return NUMBERS


@pytest.fixture
def recorded() -> Recorded:
    """Makes a record: a number is a score, a text the reason why there is none."""

    def made(
        number: int, variant: str = "clean", answer: str | None = "an answer", error: str | None = None, **outcomes: Any
    ) -> Record:
        return Record(
            case=f"c{number}",
            number=number,
            variant=Variant.of(variant),
            cluster=f"c{number}",
            outcomes=_outcomes(outcomes),
            answer=answer,
            error=error,
        )

    return made


def _outcomes(given: Mapping[str, Any]) -> dict[str, Outcome]:
    return {name: Unscored(value) if isinstance(value, str) else Scored(value) for name, value in given.items()}
