"""One case under one variant, made from what a test wants to say."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pytest

from tamis.core.content import Content
from tamis.eval.attacks.attack import Attacked
from tamis.eval.case import Case, Document
from tamis.eval.metrics.metric import Observed
from tamis.eval.trace import Passage, Step, Trace, Usage
from tamis.eval.variant import CLEAN, Variant


class Observe(Protocol):
    """Makes an Observed. A ranking is ids in order, or (id, score) pairs; an id that begins with "bad" is planted."""

    def __call__(
        self,
        *rankings: Sequence[str | tuple[str, float | None]],
        answer: str | None = None,
        relevance: Mapping[str, int] | None = None,
        planted: Sequence[str] = (),
        targets: Sequence[str] = (),
        canaries: Sequence[str] = (),
        variant: Variant = CLEAN,
        **known: Any,
    ) -> Observed: ...


@pytest.fixture
def observe() -> Observe:
    def made(
        *rankings: Sequence[str | tuple[str, float | None]],
        answer: str | None = None,
        relevance: Mapping[str, int] | None = None,
        planted: Sequence[str] = (),
        targets: Sequence[str] = (),
        canaries: Sequence[str] = (),
        variant: Variant = CLEAN,
        **known: Any,
    ) -> Observed:
        query = Content("a question")
        usage = {name: known.pop(name) for name in Usage.__dataclass_fields__ if name in known}
        seconds = known.pop("seconds", None)
        case = Case("case", query, relevance=relevance or {}, **known)
        attacked = Attacked(
            query,
            planted=tuple(Document(name, Content(name), planted="poison") for name in planted),
            targets=tuple(targets),
            canaries=tuple(canaries),
        )
        trace = Trace(
            steps=tuple(Step(f"step {place}", _passages(ranking)) for place, ranking in enumerate(rankings)),
            answer=None if answer is None else Content(answer),
            seconds=seconds,
            usage=Usage(**usage),
        )
        return Observed(case, variant, attacked, trace)

    return made


def _passages(ranking: Sequence[str | tuple[str, float | None]]) -> tuple[Passage, ...]:
    pairs = [one if isinstance(one, tuple) else (one, None) for one in ranking]
    return tuple(
        Passage(name, Content(f"text of {name}"), score, planted="poison" if name.startswith("bad") else None)
        for name, score in pairs
    )
