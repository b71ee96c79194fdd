"""The seam for scorers: what they return is checked, and async is not another answer."""

import asyncio
import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.core.errors import ScorerError
from tamis.models import SCORERS, LocalScorer, Scorer, checked_scores


class ByLength(LocalScorer):
    """Longer is better; remembers in which thread it ran."""

    thread: threading.Thread | None = None

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        self.thread = threading.current_thread()
        return [float(len(passage.text)) for passage in passages]


def test_a_local_scorer_is_a_scorer_and_its_async_form_leaves_the_event_loop_free() -> None:
    scorer = ByLength()
    assert isinstance(scorer, Scorer)
    assert asyncio.run(scorer.ascore(Content("q"), [Content("ab"), Content("c")])) == [2.0, 1.0]
    assert scorer.thread is not threading.main_thread()


class Hangs(LocalScorer):
    """Returns when the gate is opened."""

    def __init__(self) -> None:
        self.gate, self.ended = threading.Event(), threading.Event()

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        self.gate.wait(60)
        self.ended.set()
        return [None] * len(passages)


def test_a_local_scorer_that_is_given_up_does_not_keep_the_event_loop_from_ending() -> None:
    scorer = Hangs()

    async def given_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(scorer.ascore(Content("q"), [Content("a")]), 0.01)

    asyncio.run(given_up())
    assert not scorer.ended.is_set()
    scorer.gate.set()


@given(st.lists(st.one_of(st.none(), st.floats())))
def test_checked_scores_are_finite_python_floats_or_none(scores: list[float | None]) -> None:
    checked = checked_scores(scores, len(scores))
    assert len(checked) == len(scores)
    assert all(one is None or (type(one) is float and abs(one) < float("inf")) for one in checked)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_wrong_number_of_scores_names_both_numbers(count: int) -> None:
    with pytest.raises(ScorerError, match=rf"{count} scores for 2 passages"):
        checked_scores([0.0] * count, 2)


def test_every_built_in_scorer_can_be_listed() -> None:
    assert {"evidence", "embedding", "cross-encoder", "fake"} <= set(SCORERS.names())
