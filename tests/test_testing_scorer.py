"""FakeScorer answers as told, and each assertion about scorers fails for a scorer that breaks just it."""

import asyncio
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.core.errors import BadSetting, ScorerError
from tamis.models import SCORERS, Scorer
from tamis.testing import FakeScorer, check_scorer
from tamis.testing.scorer import CANARY, PASSAGES, assertion

Scores = list[float | None]
_LOCK = threading.Lock()


class Good:
    """A scorer that keeps its contract; each step is a method that a subclass may break."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self.delay_s = delay_s

    def score(self, query: Content, passages: Sequence[Content]) -> Scores:
        time.sleep(self.delay_s)
        return self.answer(query, passages)

    async def ascore(self, query: Content, passages: Sequence[Content]) -> Scores:
        await self.wait()
        return self.answer(query, passages)

    async def wait(self) -> None:
        await asyncio.sleep(self.delay_s)

    def answer(self, query: Content, passages: Sequence[Content]) -> Scores:
        return FakeScorer().score(query, passages)


class SyncOnly:
    def score(self, query: Content, passages: Sequence[Content]) -> Scores:
        return FakeScorer().score(query, passages)

    def ascore(self, query: Content, passages: Sequence[Content]) -> Scores:
        return self.score(query, passages)


class Surplus(Good):
    def answer(self, query: Content, passages: Sequence[Content]) -> Scores:
        scores = super().answer(query, passages)
        return scores if len(passages) != len(PASSAGES) else [*scores, 0.0]


class Numpy(Good):
    def answer(self, query: Content, passages: Sequence[Content]) -> Scores:
        return [None if score is None else np.float64(score) for score in super().answer(query, passages)]


class Infinite(Good):
    def answer(self, query: Content, passages: Sequence[Content]) -> Scores:
        scores = super().answer(query, passages)
        return [math.inf if passage is PASSAGES[2] else score for passage, score in zip(passages, scores, strict=True)]


class Distance(Good):
    def answer(self, query: Content, passages: Sequence[Content]) -> Scores:
        return [None if score is None else -score for score in super().answer(query, passages)]


class Positional(Good):
    def answer(self, query: Content, passages: Sequence[Content]) -> Scores:
        scores = super().answer(query, passages)
        return [None if score is None else score + 0.1 * place for place, score in enumerate(scores)]


class Relative(Good):
    def answer(self, query: Content, passages: Sequence[Content]) -> Scores:
        scores = super().answer(query, passages)
        best = max((score for score in scores if score is not None), default=0.0)
        return [None if score is None else score - best for score in scores]


class Drifting(Good):
    calls = 0

    def score(self, query: Content, passages: Sequence[Content]) -> Scores:
        self.calls += 1
        return [None if one is None else one + self.calls for one in super().score(query, passages)]

    async def ascore(self, query: Content, passages: Sequence[Content]) -> Scores:
        return [None if one is None else one + 1 for one in await super().ascore(query, passages)]


class AsyncOther(Good):
    async def ascore(self, query: Content, passages: Sequence[Content]) -> Scores:
        return [None if score is None else score + 0.5 for score in await super().ascore(query, passages)]


class Certain(Good):
    def answer(self, query: Content, passages: Sequence[Content]) -> Scores:
        return [0.0 if score is None else score for score in super().answer(query, passages)]


class Needy(Good):
    def answer(self, query: Content, passages: Sequence[Content]) -> Scores:
        scores = super().answer(query, passages)
        return scores or [0.0]


class FirstLetter(Good):
    def answer(self, query: Content, passages: Sequence[Content]) -> Scores:
        for passage in passages:
            passage.images or passage.text[0]
        return super().answer(query, passages)


class QueryLength(Good):
    def answer(self, query: Content, passages: Sequence[Content]) -> Scores:
        1 / len(query.text.strip())
        return super().answer(query, passages)


class Ascii(Good):
    def answer(self, query: Content, passages: Sequence[Content]) -> Scores:
        query.text.encode("ascii")
        return super().answer(query, passages)


class Short(Good):
    def answer(self, query: Content, passages: Sequence[Content]) -> Scores:
        if any(len(passage.text) > 10_000 for passage in passages):
            raise ValueError("the passage does not fit")
        return super().answer(query, passages)


class OnePicture(Good):
    def answer(self, query: Content, passages: Sequence[Content]) -> Scores:
        if any(len(passage.images) > 1 for passage in passages):
            raise ValueError("one image is enough")
        return super().answer(query, passages)


class Emptying(Good):
    def answer(self, query: Content, passages: Sequence[Content]) -> Scores:
        scores = super().answer(query, passages)
        passages.clear()  # type: ignore[attr-defined]
        return scores


class Shared(Good):
    async def ascore(self, query: Content, passages: Sequence[Content]) -> Scores:
        self.current = passages
        await self.wait()
        return self.answer(query, self.current)


class OneAtATime(Good):
    async def wait(self) -> None:
        def alone() -> None:
            with _LOCK:
                time.sleep(self.delay_s)

        await asyncio.to_thread(alone)


class Blocking(Good):
    async def wait(self) -> None:
        time.sleep(self.delay_s)  # noqa: ASYNC251 - what the assertion is about
        await asyncio.sleep(1.5 * self.delay_s)


class Uncancellable(Good):
    async def wait(self) -> None:
        try:
            await asyncio.sleep(self.delay_s)
        except asyncio.CancelledError:
            return


class Unpicklable(Good):
    def __reduce__(self) -> str:
        raise TypeError("cannot pickle it")


@dataclass
class Unwritable(Good):
    delay_s: float = 0.0
    weights: Any = field(default_factory=lambda: {1, 2})


BROKEN: list[tuple[str, type[Any]]] = [
    ("is a Scorer", SyncOnly),
    ("one score for each passage", Surplus),
    ("scores are Python floats", Numpy),
    ("scores are finite", Infinite),
    ("a relevant passage scores higher", Distance),
    ("scores follow their passages", Positional),
    ("a score does not depend on the batch", Relative),
    ("the same call gives the same scores", Drifting),
    ("score and ascore agree", AsyncOther),
    ("what cannot be scored is None", Certain),
    ("no passages give no scores", Needy),
    ("takes an empty passage", FirstLetter),
    ("takes an empty query", QueryLength),
    ("takes unicode", Ascii),
    ("takes a very long passage", Short),
    ("takes passages with images", OnePicture),
    ("the list of passages is not changed", Emptying),
    ("calls at once do not mix", Shared),
    ("calls at once overlap", OneAtATime),
    ("the event loop is never blocked", Blocking),
    ("cancellation and timeouts are honoured", Uncancellable),
    ("pickles and unpickles", Unpicklable),
    ("its settings are JSON", Unwritable),
]
IN_TIME = ("calls at once overlap", "the event loop is never blocked", "cancellation and timeouts are honoured")


@pytest.mark.parametrize(("name", "make"), BROKEN, ids=[name for name, _ in BROKEN])
def test_a_scorer_that_breaks_one_assertion_fails_just_that_one(name: str, make: Callable[[], Any]) -> None:
    def slow() -> Scorer:
        scorer: Scorer = make()
        scorer.delay_s = 0.2  # type: ignore[attr-defined]
        return scorer

    report = check_scorer(make, slow=slow if name in IN_TIME else None)

    assert [finding.assertion for finding in report.failures] == [name], report.failures
    assert report[name].reason


def test_every_assertion_about_scorers_has_one_that_breaks_it() -> None:
    assert assertion.names() == [name for name, _ in BROKEN]


def test_a_good_scorer_fails_nothing() -> None:
    report = check_scorer(Good(), slow=Good(delay_s=0.2))

    report.raise_if_failed()
    assert [finding.assertion for finding in report.skipped] == ["its settings are JSON"]


def test_a_fake_scorer_passes_every_assertion() -> None:
    report = check_scorer(FakeScorer(), slow=FakeScorer(delay_s=0.2))

    assert {finding.status for finding in report} == {"passed"}


def test_a_listwise_scorer_may_score_a_passage_by_its_company() -> None:
    report = check_scorer(Relative(), listwise=True)

    assert report.failures == []
    assert report["a score does not depend on the batch"].status == "skipped"


def test_a_fake_scorer_gives_what_is_written_down_and_else_goes_by_words() -> None:
    scorer = FakeScorer({"known": -2.5, "blank": None})

    scores = scorer.score(Content("blue bus"), [Content(text) for text in ("known", "blank", "the blue bus", "tax")])

    assert scores == [-2.5, None, pytest.approx(math.log(2.5 / 0.5)), pytest.approx(math.log(0.5 / 2.5))]


def test_a_fake_scorer_can_be_told_to_fail_on_both_paths() -> None:
    scorer = FakeScorer(error="out of memory")

    with pytest.raises(ScorerError, match="out of memory"):
        scorer.score(CANARY.query, PASSAGES)
    with pytest.raises(ScorerError, match="out of memory"):
        asyncio.run(scorer.ascore(CANARY.query, PASSAGES))


def test_a_fake_scorer_survives_being_written_down() -> None:
    scorer = FakeScorer({"known": -2.5}, rule="unknown", delay_s=0.0)

    assert SCORERS.build(SCORERS.spec(scorer)) == scorer


@pytest.mark.parametrize("delay_s", [-0.1, math.nan, math.inf])
def test_a_delay_that_is_none_is_refused(delay_s: float) -> None:
    with pytest.raises(BadSetting, match="delay_s"):
        FakeScorer(delay_s=delay_s)


def test_an_unknown_rule_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadSetting, match="overlap, unknown"):
        FakeScorer(rule="magic")  # type: ignore[arg-type]


@given(st.text(), st.lists(st.text(), max_size=5))
def test_a_fake_scorer_gives_one_finite_score_or_none_for_each_passage(query: str, texts: list[str]) -> None:
    scores = FakeScorer().score(Content(query), [Content(text) for text in texts])

    assert len(scores) == len(texts)
    assert all(score is None or math.isfinite(score) for score in scores)
