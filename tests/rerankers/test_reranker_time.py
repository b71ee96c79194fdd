"""Reranker under a deadline, cancelled, and in what it reports: both paths, no path left unbalanced."""

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from llama_index.core.callbacks import CallbackManager, CBEventType
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.core.media import MediaPolicy
from tamis.models import LocalScorer
from tamis.rerankers import Reranker, RerankOutcomeEvent
from tamis.testing import FakeScorer
from tamis.testing.recording import CallbackCounter, Recording, recording

SLOW = FakeScorer(delay_s=2.0)
LATE = 1.5
"""Seconds that no call with a deadline takes, on a busy machine either."""


def passages(count: int = 6) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(id_=str(at), text=f"red {at}"), score=0.1) for at in range(count)]


def ids(nodes: Sequence[NodeWithScore]) -> list[str]:
    return [node.node_id for node in nodes]


def timed(reranker: Reranker, path: str, nodes: list[NodeWithScore] | None = None) -> tuple[list[NodeWithScore], float]:
    """What comes out and after how many seconds, threads that nobody waits for left out."""
    nodes = passages() if nodes is None else nodes

    async def awaited() -> tuple[list[NodeWithScore], float]:
        started = time.monotonic()
        return await reranker.apostprocess_nodes(nodes, query_str="red"), time.monotonic() - started

    if path == "async":
        return asyncio.run(awaited())
    started = time.monotonic()
    return reranker.postprocess_nodes(nodes, query_str="red"), time.monotonic() - started


def only(seen: Recording) -> RerankOutcomeEvent:
    (event,) = [event for event in seen.events if isinstance(event, RerankOutcomeEvent)]
    return event


@dataclass
class FirstBatchFast:
    """The first batch at once, later ones after so long; counts the batches it was asked for."""

    delay_s: float = 2.0
    asked: list[int] = field(default_factory=list)

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        self.asked.append(len(passages))
        if len(self.asked) > 1:
            time.sleep(self.delay_s)
        return [float(passage.text.split()[1]) for passage in passages]

    async def ascore(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        self.asked.append(len(passages))
        if len(self.asked) > 1:
            await asyncio.sleep(self.delay_s)
        return [float(passage.text.split()[1]) for passage in passages]


@pytest.mark.parametrize("path", ["sync", "async"])
class TestDeadline:
    def test_what_is_not_scored_in_time_comes_back_in_order(self, path: str) -> None:
        with recording() as seen:
            found, seconds = timed(Reranker(SLOW, deadline_s=0.05), path)
        assert seconds < LATE
        assert ids(found) == ["0", "1", "2", "3", "4", "5"]
        assert [node.score for node in found] == [None] * 6
        assert only(seen).reasons == {"the deadline of 0.05 s": 6}
        assert 0.05 <= only(seen).seconds < LATE

    def test_batches_that_are_done_count_and_no_more_are_begun(self, path: str) -> None:
        scorer = FirstBatchFast()
        found, seconds = timed(Reranker(scorer, batch_size=2, deadline_s=0.5), path)
        assert seconds < LATE
        assert ids(found) == ["1", "0", "2", "3", "4", "5"]
        assert [node.score is None for node in found] == [False, False, True, True, True, True]
        assert scorer.asked == [2, 2]

    def test_a_deadline_that_is_kept_changes_nothing(self, path: str) -> None:
        found, _ = timed(Reranker(FirstBatchFast(delay_s=0), deadline_s=20, batch_size=4), path)
        assert ids(found) == ["5", "4", "3", "2", "1", "0"]

    def test_a_fallback_gets_the_last_fifth_of_the_time(self, path: str) -> None:
        with recording() as seen:
            found, seconds = timed(Reranker(SLOW, deadline_s=0.5, fallback=FakeScorer()), path)
        assert 0.4 <= seconds < LATE
        assert None not in [node.score for node in found]
        assert only(seen).n_fallback == 6

    def test_a_fallback_is_cut_off_too(self, path: str) -> None:
        found, seconds = timed(Reranker(SLOW, deadline_s=0.1, fallback=SLOW), path)
        assert seconds < LATE
        assert [node.score for node in found] == [None] * 6

    def test_errors_in_a_thread_are_reasons_like_any_other(self, path: str) -> None:
        with recording() as seen:
            timed(Reranker(FakeScorer(error="down"), deadline_s=5), path)
        assert only(seen).reasons == {"ScorerError: down": 6}


def test_an_async_scorer_that_ignores_cancellation_does_not_hold_up_the_answer() -> None:
    class Stubborn(FakeScorer):
        async def ascore(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
            try:
                await asyncio.sleep(2.0)
            except asyncio.CancelledError:
                await asyncio.sleep(1.0)
            return [1.0] * len(passages)

    _, seconds = timed(Reranker(Stubborn(), deadline_s=0.05), "async")
    assert seconds < LATE


def test_local_scorers_that_hang_hold_up_no_other_reranker_and_not_the_end_of_the_event_loop() -> None:
    gate, ended = threading.Event(), threading.Event()

    class Hangs(LocalScorer):
        def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
            gate.wait(60)
            ended.set()
            return [None] * len(passages)

    async def many() -> list[NodeWithScore]:
        hung = Reranker(Hangs(), deadline_s=0.05)
        await asyncio.gather(*(hung.apostprocess_nodes(passages(), query_str="red") for _ in range(40)))
        return await Reranker(FakeScorer(), deadline_s=20).apostprocess_nodes(passages(), query_str="red")

    found = asyncio.run(many())
    assert None not in [node.score for node in found]
    assert not ended.is_set()
    gate.set()


@pytest.mark.parametrize("path", ["sync", "async"])
def test_a_thread_is_used_for_reading_images_and_not_for_taking_texts(path: str) -> None:
    seen: list[threading.Thread] = []

    class Watched(TextNode):
        def get_content(self, metadata_mode: MetadataMode = MetadataMode.NONE) -> str:
            seen.append(threading.current_thread())
            return super().get_content(metadata_mode)

    nodes = [NodeWithScore(node=Watched(text="red"))]
    timed(Reranker(FakeScorer(), deadline_s=20, media=MediaPolicy(urls=True)), path, nodes)
    assert set(seen) == {threading.main_thread()}


def test_a_scorer_that_cancels_itself_is_recorded() -> None:
    class Quitter(FakeScorer):
        async def ascore(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
            raise asyncio.CancelledError

    found, _ = timed(Reranker(Quitter()), "async")
    assert [node.score for node in found] == [None] * 6


def test_calls_on_one_loop_overlap() -> None:
    async def five() -> float:
        started = time.monotonic()
        await asyncio.gather(*(Reranker(SLOW).apostprocess_nodes(passages(), query_str="red") for _ in range(5)))
        return time.monotonic() - started

    assert asyncio.run(five()) < 5.0


def test_cancelling_the_call_cancels_the_scorer_and_balances_the_events() -> None:
    cancelled = []
    begun = asyncio.Event()

    class Watched(FakeScorer):
        async def ascore(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
            begun.set()
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled.append(True)
                raise
            return []

    counter = CallbackCounter()
    reranker = Reranker(Watched(), callback_manager=counter.manager())

    async def give_up() -> None:
        task = asyncio.create_task(reranker.apostprocess_nodes(passages(), query_str="red"))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)

    with recording() as seen:
        asyncio.run(give_up())
    assert cancelled == [True]
    assert (seen.count(ReRankStartEvent), seen.count(ReRankEndEvent)) == (1, 1)
    assert (counter.starts[CBEventType.RERANKING], counter.ends[CBEventType.RERANKING]) == (1, 1)


class Misconfigured(FakeScorer):
    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        raise BadSetting("three labels")

    async def ascore(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        raise BadSetting("three labels")


@pytest.mark.parametrize("path", ["sync", "async"])
class TestReports:
    @pytest.mark.parametrize(
        "settings",
        [
            {},
            {"top_n": 2},
            {"scorer": FakeScorer(error="down")},
            {"scorer": SLOW, "deadline_s": 0.02},
            {"scorer": Misconfigured()},
        ],
    )
    def test_start_and_end_are_balanced_and_complete(self, path: str, settings: dict[str, Any]) -> None:
        counter = CallbackCounter()
        reranker = Reranker(**{"scorer": FakeScorer(), **settings}, callback_manager=counter.manager())
        with recording() as seen:
            if isinstance(reranker.scorer, Misconfigured):
                with pytest.raises(BadSetting):
                    timed(reranker, path)
            else:
                timed(reranker, path)
        (start,) = [event for event in seen.events if isinstance(event, ReRankStartEvent)]
        assert seen.count(ReRankEndEvent) == 1
        assert (start.top_n, len(start.nodes)) == (settings.get("top_n", 6), 6)
        assert start.model_name
        assert (counter.starts[CBEventType.RERANKING], counter.ends[CBEventType.RERANKING]) == (1, 1)

    def test_end_has_the_nodes_that_are_returned(self, path: str) -> None:
        with recording() as seen:
            found, _ = timed(Reranker(FakeScorer(), top_n=2), path)
        (end,) = [event for event in seen.events if isinstance(event, ReRankEndEvent)]
        assert ids(end.nodes) == ids(found)

    def test_nothing_is_reported_for_no_nodes(self, path: str) -> None:
        with recording() as seen:
            timed(Reranker(FakeScorer()), path, nodes=[])
        assert seen.events == []

    def test_there_is_a_span(self, path: str) -> None:
        reranker = Reranker(FakeScorer())
        with recording() as seen:
            timed(reranker, path)
        name = "_apostprocess_nodes" if path == "async" else "_postprocess_nodes"
        assert seen.spans_of(reranker) == [f"Reranker.{name}"]


def test_a_callback_manager_can_be_assigned() -> None:
    reranker, manager = Reranker(FakeScorer()), CallbackManager()
    reranker.callback_manager = manager
    assert reranker.callback_manager is manager
