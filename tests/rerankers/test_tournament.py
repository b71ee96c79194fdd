"""TournamentReranker: the best k are exact, for fewer comparisons than sorting, whatever the model does."""

import asyncio
import base64
import random
import time
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.schema import ImageNode, NodeWithScore, TextNode

from tamis.core.errors import BadSetting
from tamis.models.template import Prompt
from tamis.nodes import content_of
from tamis.rerankers.listwise.known_order import KnownOrder
from tamis.rerankers.listwise.sliding import windows
from tamis.rerankers.listwise.tournament import TournamentReranker
from tamis.rerankers.ranker import RankingEvent
from tamis.testing import check_postprocessor
from tamis.testing.fake_chooser import FakeChooser
from tamis.testing.pictures import png

QUERY = "which number is greatest"


def passages(values: Sequence[int]) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(id_=str(value), text=f"passage {value}")) for value in values]


def knowing(values: Sequence[int], **settings: Any) -> FakeChooser:
    return FakeChooser({f"passage {value}": float(value) for value in values}, **settings)


def shuffled(count: int, seed: int = 0) -> list[int]:
    values = list(range(count))
    random.Random(seed).shuffle(values)
    return values


def ids(nodes: Sequence[NodeWithScore]) -> list[int]:
    return [int(node.node_id) for node in nodes]


def event_of(reranker: TournamentReranker) -> RankingEvent:
    assert reranker.last is not None
    return reranker.last


@pytest.mark.parametrize("learn", ["order", "best"])
def test_keeps_the_contract(learn: Any) -> None:
    report = check_postprocessor(
        TournamentReranker(FakeChooser(), learn=learn),
        "reranker",
        slow=TournamentReranker(FakeChooser(delay_s=0.2), learn=learn),
        failing=TournamentReranker(FakeChooser(misbehave="error"), learn=learn),
    )
    assert report.failures == []


@pytest.mark.parametrize("learn", ["order", "best"])
@settings(max_examples=60)
@given(st.integers(0, 70), st.integers(1, 15), st.integers(2, 20), st.data())
def test_the_best_are_exact_and_the_rest_stay_as_they_were(
    learn: Any, count: int, k: int, group: int, data: st.DataObject
) -> None:
    values = data.draw(st.permutations(range(count)))
    found = TournamentReranker(knowing(values), k, group, learn).postprocess_nodes(passages(values), query_str=QUERY)
    best = sorted(values, reverse=True)[:k]
    assert ids(found) == [*best, *(value for value in values if value not in best)]
    assert [node.score for node in found] == [
        (len(best) - place) / len(best) if place < len(best) else None for place in range(count)
    ]


class HeapSort:
    """Setwise heapsort (Zhuang et al. 2023) of a top k, counting the comparisons that it asks for."""

    def __init__(self, values: Sequence[int], group: int) -> None:
        self.heap, self.children, self.asked = list(values), group - 1, 0

    def sift(self, at: int) -> None:
        while True:
            below = range(self.children * at + 1, min(self.children * (at + 1) + 1, len(self.heap)))
            if not below:
                return
            self.asked += 1
            best = max((at, *below), key=lambda place: self.heap[place])
            if best == at:
                return
            self.heap[at], self.heap[best] = self.heap[best], self.heap[at]
            at = best

    def top(self, k: int) -> list[int]:
        for at in reversed(range(len(self.heap))):
            self.sift(at)
        found = []
        for _ in range(min(k, len(self.heap))):
            found.append(self.heap[0])
            self.heap[0] = self.heap[-1]
            self.heap.pop()
            self.sift(0)
        return found


class TestHowMuchIsAsked:
    @pytest.mark.parametrize(
        ("count", "k", "group"), [(100, 10, 10), (100, 5, 10), (100, 10, 4), (50, 10, 5), (200, 10, 20)]
    )
    def test_fewer_comparisons_than_heapsort_and_far_fewer_than_sorting(self, count: int, k: int, group: int) -> None:
        for seed in range(5):
            values = shuffled(count, seed)
            heap = HeapSort(values, group)
            assert heap.top(k) == sorted(values, reverse=True)[:k]
            by_order = TournamentReranker(knowing(values), k, group)
            by_best = TournamentReranker(knowing(values), k, group, "best")
            for reranker in (by_order, by_best):
                found = reranker.postprocess_nodes(passages(values), query_str=QUERY)
                assert ids(found)[:k] == sorted(values, reverse=True)[:k]
            assert event_of(by_best).prompts <= 1.1 * heap.asked
            assert event_of(by_order).prompts <= 0.6 * heap.asked
            # Sorting everything by windows takes a pass for every ten places, and each pass reads everything twice.
            one_pass = sum(end - start for start, end in windows(count, 20, 10))
            assert event_of(by_order).details["passages"] <= min(2 * count, one_pass * count // 20)
            # Every candidate has to be seen once.
            assert event_of(by_order).details["passages"] >= count

    def test_one_round_is_one_call(self) -> None:
        chooser = knowing(range(100))
        reranker = TournamentReranker(chooser, top_k=1)
        reranker.postprocess_nodes(passages(shuffled(100)), query_str=QUERY)
        assert chooser.calls == [10, 1]
        event = event_of(reranker)
        assert (event.calls, event.prompts, event.details["passages"]) == (2, 11, 110)
        assert event.details == {"rounds": 2, "passages": 110, "failed": 0, "contradictions": 0, "decided": True}

    def test_queries_share_calls(self) -> None:
        chooser = knowing(range(100))
        reranker = TournamentReranker(chooser, top_k=1, batch=100)
        lists = [passages(shuffled(100, seed)) for seed in range(6)]
        found = reranker.rerank_many([QUERY] * 6, lists)
        assert [ids(each)[0] for each in found] == [99] * 6
        assert chooser.calls == [60, 6]
        chooser.calls.clear()

        async def all_at_once() -> list[list[NodeWithScore]]:
            return await asyncio.gather(*(reranker.apostprocess_nodes(each, query_str=QUERY) for each in lists))

        assert [ids(each) for each in asyncio.run(all_at_once())] == [ids(each) for each in found]
        assert sum(chooser.calls) == 66
        assert len(chooser.calls) < 12

    def test_a_single_candidate_is_asked_nothing(self) -> None:
        chooser = knowing([5])
        found = TournamentReranker(chooser).postprocess_nodes(passages([5]), query_str=QUERY)
        assert ([node.score for node in found], chooser.calls) == ([1.0], [])


def test_images_are_compared() -> None:
    pictures = [base64.b64encode(png(shade, 0, 0)).decode() for shade in (10, 20, 30)]
    nodes = [NodeWithScore(node=ImageNode(id_=str(at), image=data, text="")) for at, data in enumerate(pictures)]
    worth = {content_of(node).images[0].describe(): float(at) for at, node in enumerate(nodes)}
    found = TournamentReranker(FakeChooser(worth), group=2).postprocess_nodes(nodes, query_str="the brightest")
    assert ids(found) == [2, 1, 0]


class TestModelsThatMisbehave:
    @pytest.mark.parametrize(
        ("misbehave", "reason"),
        [
            ("none", "the model told of none of the labels"),
            ("short", "the model gave 2 numbers for 3 labels"),
            ("error", "ScorerError: the chooser is out of order"),
        ],
    )
    def test_where_nothing_works_the_order_is_the_retrievers(self, misbehave: Any, reason: str) -> None:
        values = shuffled(9)
        reranker = TournamentReranker(knowing(values, misbehave=misbehave), group=3)
        found = reranker.postprocess_nodes(passages(values), query_str=QUERY)
        assert ids(found) == values
        assert [node.score for node in found] == [None] * 9
        event = event_of(reranker)
        assert event.details["failed"] == event.prompts > 0
        assert any(said.startswith(f"a comparison failed: {reason}") for said in event.reasons)

    @pytest.mark.parametrize("misbehave", ["none", "few", "short", "long", "nan", "error"])
    @settings(max_examples=30)
    @given(st.integers(0, 40), st.integers(2, 9), st.integers(1, 4), st.sampled_from(["order", "best"]))
    def test_nothing_is_lost_and_it_ends(self, misbehave: Any, count: int, group: int, every: int, learn: Any) -> None:
        values = shuffled(count)
        chooser = knowing(values, misbehave=misbehave, every=every)
        found = TournamentReranker(chooser, 7, group, learn).postprocess_nodes(passages(values), query_str=QUERY)
        assert sorted(ids(found)) == sorted(values)
        scores = [node.score for node in found if node.score is not None]
        assert scores == sorted(scores, reverse=True)
        assert [node.score is not None for node in found] == [at < len(scores) for at in range(count)]

    @settings(max_examples=25)
    @given(st.integers(0, 10_000), st.integers(2, 40), st.integers(2, 8), st.sampled_from(["order", "best"]))
    def test_a_model_that_contradicts_itself_is_held_to_its_word(
        self, seed: int, count: int, group: int, learn: Any
    ) -> None:
        class Fickle(FakeChooser):
            def _choices(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]]) -> Any:
                self._begin(len(prompts))
                return [[rng.random() if rng.random() < 0.8 else None for _ in own] for own in labels]

        rng = random.Random(seed)
        values = shuffled(count, seed)
        reranker = TournamentReranker(Fickle(), 5, group, learn)
        assert sorted(ids(reranker.postprocess_nodes(passages(values), query_str=QUERY))) == sorted(values)
        # Every comparison settles a pair, and there are not more pairs.
        assert event_of(reranker).prompts <= count * (count - 1) // 2

    def test_labels_that_servers_leave_out_are_behind_the_others(self) -> None:
        values = shuffled(60)
        reranker = TournamentReranker(knowing(values, misbehave="few"), top_k=5)
        assert ids(reranker.postprocess_nodes(passages(values), query_str=QUERY))[:5] == [59, 58, 57, 56, 55]

    def test_at_the_deadline_the_best_so_far_are_taken(self) -> None:
        values = shuffled(100)
        reranker = TournamentReranker(knowing(values, delay_s=0.2), deadline_s=0.5)
        started = time.monotonic()
        found = reranker.postprocess_nodes(passages(values), query_str=QUERY)
        assert time.monotonic() - started < 0.7
        assert ids(found)[0] == 99
        assert sorted(ids(found)) == sorted(values)
        assert event_of(reranker).details["decided"] is False
        assert event_of(reranker).reasons == {"the deadline of 0.5 s": 1}


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=40))
def test_what_is_known_stays_a_partial_order(pairs: list[tuple[int, int]]) -> None:
    known = KnownOrder(10, 10)
    for better, worse in pairs:
        before = known.knows(worse, better)
        known.learn(better, worse)
        assert known.knows(worse, better) == before
        if better != worse and not before:
            assert known.knows(better, worse)
    for one in range(10):
        assert not known.knows(one, one)
        for other in range(10):
            assert not (known.knows(one, other) and known.knows(other, one))
            for third in range(10):
                if known.knows(one, other) and known.knows(other, third):
                    assert known.knows(one, third)
    assert sorted(known.ranked()) == list(range(10))
    ranked = known.ranked()
    assert not any(known.knows(late, early) for at, early in enumerate(ranked) for late in ranked[at:])


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"group": 1}, "group is 1"),
        ({"group": 53}, "52 labels"),
        ({"top_k": 0}, "top_k is 0"),
        ({"learn": "all"}, "learn is"),
    ],
)
def test_a_wrong_setting_is_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadSetting, match=reason):
        TournamentReranker(FakeChooser(), **settings)
