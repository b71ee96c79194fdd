"""Reranker: order, what happens to the unscored, scorers that misbehave, a second scorer, evidence, input."""

import asyncio
import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.schema import ImageNode, MetadataMode, NodeWithScore, QueryBundle, TextNode

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting, MissingExtra, ModelUnavailable
from tamis.models import Evidence, Hit, LocalScorer
from tamis.nodes import Candidate
from tamis.rerankers import Calibrator, Reranker, RerankOutcomeEvent
from tamis.testing import FakeScorer
from tamis.testing.recording import recording

QUERY = "a red bus"


def passages(*texts: str) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(id_=str(at), text=text), score=0.1) for at, text in enumerate(texts)]


def both_ways(reranker: Reranker, nodes: list[NodeWithScore], query: str = QUERY) -> list[NodeWithScore]:
    """What comes out, which must be the same on both paths."""
    found = reranker.postprocess_nodes(nodes, query_str=query)
    again = asyncio.run(reranker.apostprocess_nodes(nodes, query_str=query))
    assert [(one.node_id, one.score) for one in found] == [(one.node_id, one.score) for one in again]
    return found


def outcome(reranker: Reranker, nodes: list[NodeWithScore], query: str = QUERY) -> RerankOutcomeEvent:
    with recording() as seen:
        reranker.postprocess_nodes(nodes, query_str=query)
    (event,) = [event for event in seen.events if isinstance(event, RerankOutcomeEvent)]
    return event


def ids(nodes: Sequence[NodeWithScore]) -> list[str]:
    return [node.node_id for node in nodes]


@dataclass
class Says(LocalScorer):
    """Gives out the scores it was made with, whatever they are, and remembers what it was asked."""

    scores: Any = None
    error: Exception | None = None
    asked: list[list[Content]] = field(default_factory=list)

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        self.asked.append(list(passages))
        if self.error is not None:
            raise self.error
        if callable(self.scores):
            return [self.scores(passage) for passage in passages]
        return self.scores  # type: ignore[no-any-return]


def test_scores_are_probabilities_best_first_in_new_objects() -> None:
    nodes = passages("b", "a", "c")
    found = both_ways(Reranker(FakeScorer({"a": 2.0, "b": 0.0, "c": -2.0})), nodes)
    assert ids(found) == ["1", "0", "2"]
    assert [node.score for node in found] == pytest.approx([0.8808, 0.5, 0.1192], abs=1e-4)
    assert all(type(node.score) is float for node in found)
    assert [node.score for node in nodes] == [0.1] * 3
    assert {id(node.node) for node in found} == {id(node.node) for node in nodes}


@settings(deadline=None)
@given(st.lists(st.none() | st.sampled_from([-1.0, 0.0, 1.0, math.nan]), max_size=12))
def test_nothing_is_lost_ties_are_stable_and_the_unscored_come_last_in_their_order(scores: list[float | None]) -> None:
    nodes = passages(*map(str, range(len(scores))))
    found = Reranker(Says(lambda passage: scores[int(passage.text)])).postprocess_nodes(nodes, query_str=QUERY)
    usable = [at for at, score in enumerate(scores) if score is not None and not math.isnan(score)]
    best = sorted(usable, key=lambda at: -(scores[at] or 0.0))
    left = [at for at in range(len(scores)) if at not in usable]
    assert ids(found) == [str(at) for at in [*best, *left]]
    assert [node.score is None for node in found] == [False] * len(best) + [True] * len(left)


def test_equal_ids_are_all_kept() -> None:
    nodes = [NodeWithScore(node=TextNode(id_="same", text=text)) for text in ("a", "b", "a")]
    found = both_ways(Reranker(FakeScorer({"a": 0.0, "b": 1.0})), nodes)
    assert [node.node.get_content() for node in found] == ["b", "a", "a"]


def test_top_n_keeps_the_best() -> None:
    nodes = passages("b", "a", "c")
    assert ids(both_ways(Reranker(FakeScorer({"a": 2.0, "b": 0.0, "c": -2.0}), top_n=2), nodes)) == ["1", "0"]
    assert len(both_ways(Reranker(FakeScorer(), top_n=9), nodes)) == 3


def test_log_odds_decide_where_probabilities_are_equal() -> None:
    nodes = passages("high", "higher")
    found = both_ways(Reranker(FakeScorer({"high": 50.0, "higher": 60.0})), nodes)
    assert (ids(found), [node.score for node in found]) == (["1", "0"], [1.0, 1.0])


def test_hits_of_a_candidate_survive() -> None:
    candidate = Candidate(node=TextNode(text="a"), score=0.1, hits={"bm25": Hit(7.0, 1)})
    (found,) = both_ways(Reranker(FakeScorer({"a": 0.0})), [candidate])
    assert isinstance(found, Candidate)
    assert found.hits == {"bm25": Hit(7.0, 1)}
    assert found is not candidate


class TestScorersThatMisbehave:
    @pytest.mark.parametrize(
        ("scorer", "reason"),
        [
            (FakeScorer(error="server down"), "ScorerError: server down"),
            (Says(error=RuntimeError("boom")), "RuntimeError: boom"),
            (Says([1.0]), "ScorerError: the scorer returned 1 scores for 3 passages"),
            (Says([1.0] * 4), "ScorerError: the scorer returned 4 scores for 3 passages"),
            (Says(None), "TypeError"),
            (Says(["high", "low", "low"]), "TypeError"),
            (Says([math.nan] * 3), "the scorer gave no score"),
            (Says([None] * 3), "the scorer gave no score"),
            (Says([math.inf] * 3), "the scorer gave no score"),
        ],
    )
    def test_every_node_is_returned_in_the_order_it_came_and_the_reason_told(self, scorer: Any, reason: str) -> None:
        nodes = passages("c", "a", "b")
        found = both_ways(Reranker(scorer), nodes)
        assert ids(found) == ["0", "1", "2"]
        assert [node.score for node in found] == [None] * 3
        event = outcome(Reranker(scorer), nodes)
        assert (event.n_scored, event.n_unscored) == (0, 3)
        assert [(told.startswith(reason), count) for told, count in event.reasons.items()] == [(True, 3)]

    def test_one_batch_that_fails_costs_the_others_nothing(self) -> None:
        def score(passage: Content) -> float:
            if passage.text == "bad":
                raise RuntimeError("boom")
            return 1.0

        found = both_ways(Reranker(Says(score), batch_size=2), passages("a", "b", "bad", "c", "d"))
        assert ids(found) == ["0", "1", "4", "2", "3"]

    def test_numpy_scores_become_python_floats(self) -> None:
        import numpy as np

        (found,) = both_ways(Reranker(Says(np.array([1.0], dtype=np.float32))), passages("a"))
        assert type(found.score) is float

    def test_a_scorer_that_is_not_really_async_is_recorded(self) -> None:
        class NotAsync:
            def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
                return [1.0] * len(passages)

            def ascore(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
                return [1.0] * len(passages)

        found = asyncio.run(Reranker(NotAsync()).apostprocess_nodes(passages("a"), query_str=QUERY))  # type: ignore[arg-type]
        assert [node.score for node in found] == [None]

    @pytest.mark.parametrize("error", [MissingExtra("a model", extra="local"), BadSetting("three labels")])
    def test_a_broken_setup_is_raised_and_not_hidden(self, error: Exception) -> None:
        reranker = Reranker(Says(error=error), fallback=FakeScorer())
        with pytest.raises(type(error)):
            reranker.postprocess_nodes(passages("a"), query_str=QUERY)
        with pytest.raises(type(error)):
            asyncio.run(reranker.apostprocess_nodes(passages("a"), query_str=QUERY))

    def test_a_model_that_cannot_be_loaded_is_raised_unless_another_stands_in(self) -> None:
        missing = Says(error=ModelUnavailable("there is no such model"))
        with pytest.raises(ModelUnavailable):
            Reranker(missing).postprocess_nodes(passages("a"), query_str=QUERY)
        with pytest.raises(ModelUnavailable):
            asyncio.run(Reranker(missing).apostprocess_nodes(passages("a"), query_str=QUERY))
        with pytest.raises(ModelUnavailable):
            Reranker(Says(scores=[None]), fallback=missing).postprocess_nodes(passages("a"), query_str=QUERY)
        reranker = Reranker(missing, fallback=FakeScorer({"a": 2.0}))
        assert [node.score for node in both_ways(reranker, passages("a"))] == pytest.approx([0.8808], abs=1e-4)
        assert outcome(reranker, passages("a")).n_fallback == 1

    def test_a_warning_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        Reranker(FakeScorer(error="server down")).postprocess_nodes(passages("a", "b"), query_str=QUERY)
        assert "left 2 of 2 candidates unscored" in caplog.text


class TestFallback:
    def test_scores_what_the_first_could_not_and_competes_with_the_rest(self) -> None:
        first = FakeScorer({"a": 0.0, "b": None, "c": None})
        second = FakeScorer({"a": 9.0, "b": 2.0, "c": -2.0})
        nodes = passages("a", "b", "c")
        found = both_ways(Reranker(first, fallback=second), nodes)
        assert ids(found) == ["1", "0", "2"]
        assert found[1].score == 0.5
        event = outcome(Reranker(first, fallback=second), nodes)
        assert (event.n_scored, event.n_fallback, event.n_unscored, event.reasons) == (3, 2, 0, {})

    def test_is_asked_only_for_what_is_left_and_not_at_all_when_nothing_is(self) -> None:
        second = Says(lambda passage: 0.0)
        Reranker(FakeScorer({"a": 1.0, "b": None}), fallback=second).postprocess_nodes(
            passages("a", "b"), query_str=QUERY
        )
        assert [[passage.text for passage in batch] for batch in second.asked] == [["b"]]
        Reranker(FakeScorer(), fallback=second).postprocess_nodes(passages("a"), query_str=QUERY)
        assert len(second.asked) == 1

    def test_its_log_odds_are_not_given_to_the_calibrator_of_the_first(self) -> None:
        halved = Calibrator.from_dict({"method": "temperature", "parameters": {"slope": 0.5}})
        reranker = Reranker(FakeScorer({"a": 2.0, "b": None}), halved, fallback=FakeScorer({"b": 2.0}))
        found = both_ways(reranker, passages("a", "b"))
        assert ids(found) == ["1", "0"]
        assert [node.score for node in found] == pytest.approx([0.8808, 0.7311], abs=1e-4)


@dataclass(frozen=True)
class Hearsay(LocalScorer):
    """Scores by what BM25 said, counting how many candidates it sees at once."""

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        raise AssertionError("evidence is at hand")

    def score_evidence(
        self, query: Content, passages: Sequence[Content], evidence: Sequence[Evidence]
    ) -> list[float | None]:
        if threading.current_thread() is threading.main_thread() and _in_loop():
            raise AssertionError("on the event loop")
        return [hits["bm25"].score if "bm25" in hits else -float(len(passages)) for hits in evidence]


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class TestEvidence:
    nodes: tuple[NodeWithScore, ...] = (
        NodeWithScore(node=TextNode(id_="plain", text="x")),
        Candidate(node=TextNode(id_="low", text="x"), hits={"bm25": Hit(1.0)}),
        Candidate(node=TextNode(id_="high", text=""), hits={"bm25": Hit(3.0)}),
    )

    def test_reaches_a_scorer_that_can_use_it_off_the_loop(self) -> None:
        assert ids(both_ways(Reranker(Hearsay()), list(self.nodes))) == ["high", "low", "plain"]

    def test_the_whole_list_is_given_at_once_whatever_the_batch_size(self) -> None:
        found = both_ways(Reranker(Hearsay(), batch_size=1), list(self.nodes))
        assert found[-1].score == pytest.approx(1 / (1 + math.exp(3)))

    def test_a_fallback_sees_the_whole_list_too_but_fills_only_gaps(self) -> None:
        first = FakeScorer({"x": 5.0})
        found = both_ways(Reranker(first, fallback=Hearsay()), list(self.nodes))
        assert [(node.node_id, round(node.score or 0, 3)) for node in found] == [
            ("plain", 0.993),
            ("low", 0.993),
            ("high", 0.953),
        ]


class TestInput:
    def test_no_query_is_refused(self) -> None:
        for nodes in (passages("a"), []):
            with pytest.raises(BadInput, match="query"):
                Reranker(FakeScorer()).postprocess_nodes(nodes)
            with pytest.raises(ValueError, match="query"):
                asyncio.run(Reranker(FakeScorer()).apostprocess_nodes(nodes))

    def test_two_queries_are_refused(self) -> None:
        with pytest.raises(ValueError, match="both"):
            Reranker(FakeScorer()).postprocess_nodes([], query_bundle=QueryBundle("a"), query_str="a")

    def test_no_nodes_give_none(self) -> None:
        assert both_ways(Reranker(FakeScorer()), []) == []

    @pytest.mark.parametrize("query", ["", " \n"])
    def test_an_empty_query_scores_nothing_and_says_so(self, query: str) -> None:
        nodes = passages("b", "a")
        assert ids(both_ways(Reranker(FakeScorer()), nodes, query)) == ["0", "1"]
        assert outcome(Reranker(FakeScorer()), nodes, query).reasons == {"the query is empty": 2}

    @pytest.mark.parametrize("query", ["red " * 250_000, "\0\x01\ud800 red"])
    def test_huge_and_binary_queries_are_taken(self, query: str) -> None:
        assert ids(both_ways(Reranker(FakeScorer()), passages("blue", "red"), query)) == ["1", "0"]

    def test_a_node_with_nothing_in_it_stays_unscored_and_is_not_shown_to_the_scorer(self) -> None:
        scorer = Says(lambda passage: -5.0)
        nodes = [*passages("a"), NodeWithScore(node=ImageNode(id_="lost", text=" ")), *passages("b")]
        assert ids(both_ways(Reranker(scorer), nodes)) == ["0", "0", "lost"]
        assert outcome(Reranker(scorer), nodes).reasons == {"neither text nor image to score": 1}
        assert all(passage for batch in scorer.asked for passage in batch)

    def test_metadata_belong_to_the_text_on_request(self) -> None:
        scorer = Says(lambda passage: 1.0)
        node = NodeWithScore(node=TextNode(text="x", metadata={"title": "T"}))
        Reranker(scorer).postprocess_nodes([node], query_str=QUERY)
        Reranker(scorer, metadata_mode=MetadataMode.EMBED).postprocess_nodes([node], query_str=QUERY)
        assert [batch[0].text for batch in scorer.asked] == ["x", "title: T\n\nx"]
