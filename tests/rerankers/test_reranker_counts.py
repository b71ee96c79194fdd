"""What a Reranker counts, and the deadline and the whole lists that it hands to its scorers."""

import asyncio
import pickle
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.schema import NodeWithScore, TextNode

from tamis.core.content import Content
from tamis.models.counting import count, counted
from tamis.models.deadline import time_left
from tamis.models.score_cache import CachedScorer
from tamis.rerankers import Calibrator, Reranker, RerankOutcomeEvent
from tamis.testing import FakeScorer
from tamis.testing.recording import recording


@dataclass
class Counting:
    """Gives 1.0 for all, counts pairs, and remembers how long its lists were and how much time it was given."""

    whole_lists: bool = False
    delay_s: float = 0.0
    lists: list[int] = field(default_factory=list)
    left: list[float | None] = field(default_factory=list)

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        self.lists.append(len(passages))
        self.left.append(time_left())
        count("pairs", len(passages))
        time.sleep(self.delay_s)
        return [1.0] * len(passages)

    async def ascore(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        return await asyncio.to_thread(self.score, query, passages)


def passages(number: int = 5) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(id_=str(at), text=f"red {at}"), score=0.1) for at in range(number)]


def call(reranker: Reranker, path: str, number: int = 5) -> list[NodeWithScore]:
    if path == "sync":
        return reranker.postprocess_nodes(passages(number), query_str="red")
    return asyncio.run(reranker.apostprocess_nodes(passages(number), query_str="red"))


@pytest.mark.parametrize("path", ["sync", "async"])
@pytest.mark.parametrize("deadline_s", [None, 20.0])
class TestCounts:
    def test_are_in_the_event_and_add_up(self, path: str, deadline_s: float | None) -> None:
        reranker = Reranker(Counting(), deadline_s=deadline_s, batch_size=2)
        assert reranker.stats == {"calls": 0, "seconds": 0.0, "candidates": 0, "unscored": 0}
        with recording() as seen:
            call(reranker, path)
            call(reranker, path, 3)
        outcomes = [event for event in seen.events if isinstance(event, RerankOutcomeEvent)]
        assert [outcome.counts for outcome in outcomes] == [{"pairs": 5}, {"pairs": 3}]
        stats = reranker.stats
        assert stats.pop("seconds") == pytest.approx(sum(outcome.seconds for outcome in outcomes))
        assert stats == {"calls": 2, "candidates": 8, "unscored": 0, "pairs": 8}

    def test_count_for_whoever_counts_around_the_call(self, path: str, deadline_s: float | None) -> None:
        with counted() as counts:
            call(Reranker(Counting(), deadline_s=deadline_s), path)
        assert counts.to_dict() == {"pairs": 5}

    def test_a_scorer_learns_the_time_a_little_early(self, path: str, deadline_s: float | None) -> None:
        scorer = Counting()
        call(Reranker(scorer, deadline_s=deadline_s), path)
        (left,) = scorer.left
        if deadline_s is None:
            assert left is None
        else:
            assert left is not None
            assert 18 < left <= 19.75
        assert time_left() is None

    def test_whole_lists_are_not_cut_into_batches(self, path: str, deadline_s: float | None) -> None:
        whole, batched = Counting(whole_lists=True), Counting()
        for scorer in (whole, batched):
            call(Reranker(scorer, deadline_s=deadline_s, batch_size=2), path)
        assert (whole.lists, batched.lists) == ([5], [2, 2, 1])


def test_the_first_scorer_learns_that_a_fallback_needs_time_too() -> None:
    scorer = Counting()
    call(Reranker(scorer, deadline_s=10, fallback=FakeScorer()), "sync")
    assert 7.0 < (scorer.left[0] or 0.0) <= 7.75


def test_unscored_candidates_are_counted() -> None:
    reranker = Reranker(FakeScorer(error="down"))
    call(reranker, "sync")
    assert (reranker.stats["unscored"], reranker.stats["candidates"]) == (5, 5)


def test_calls_at_once_keep_their_counts_apart_and_lose_none() -> None:
    reranker = Reranker(Counting(delay_s=0.002))
    with recording() as seen:

        async def many() -> None:
            await asyncio.gather(
                *(reranker.apostprocess_nodes(passages(number % 7 + 1), query_str="red") for number in range(40))
            )

        threads = [threading.Thread(target=asyncio.run, args=(many(),)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    outcomes = [event for event in seen.events if isinstance(event, RerankOutcomeEvent)]
    assert all(outcome.counts == {"pairs": outcome.n_scored} for outcome in outcomes)
    assert reranker.stats["calls"] == len(outcomes) == 120
    assert reranker.stats["pairs"] == reranker.stats["candidates"] == sum(outcome.n_scored for outcome in outcomes)


def test_stats_are_no_setting_and_a_copy_begins_at_zero() -> None:
    reranker = Reranker(FakeScorer())
    call(reranker, "sync")
    reranker.stats["calls"] = 99
    assert reranker.stats["calls"] == 1
    assert "stats" not in str(reranker.to_dict())
    assert pickle.loads(pickle.dumps(reranker)).stats["calls"] == 0  # noqa: S301 - made on the same line
    reranker.top_n = 2
    assert reranker.stats["calls"] == 1


@pytest.mark.parametrize("path", ["sync", "async"])
def test_a_cache_counts_its_hits_and_passes_for_its_scorer(path: str, tmp_path: Path) -> None:
    cached = CachedScorer(FakeScorer(), tmp_path / "scores.db")
    calibrator: Any = Calibrator.from_dict({"method": "temperature", "scorer": "fake", "parameters": {"slope": 2.0}})
    reranker = Reranker(cached, calibrator)
    with recording() as seen:
        first, second = call(reranker, path), call(reranker, path)
    assert [node.score for node in first] == [node.score for node in second]
    outcomes = [event for event in seen.events if isinstance(event, RerankOutcomeEvent)]
    assert [outcome.counts for outcome in outcomes] == [{"score_misses": 5}, {"score_hits": 5}]
    assert outcomes[0].scorer == "fake"
    cached.close()
    again = Reranker.from_json(reranker.to_json())
    assert [node.score for node in call(again, path)] == [node.score for node in first]
    again.scorer.close()
