"""CascadeReranker: the same kept set for fewer calls, within its budget, whatever its scorers do."""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.schema import NodeWithScore, TextNode

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting, MissingExtra
from tamis.models import Evidence, Hit, LocalScorer
from tamis.nodes import Candidate
from tamis.rerankers import AdaptiveTopK, Calibrator, FixedK, Threshold
from tamis.rerankers.cascade.band import Band, fitted
from tamis.rerankers.cascade.bands import Bands
from tamis.rerankers.cascade.budget import Budget
from tamis.rerankers.cascade.goal import Goal
from tamis.rerankers.cascade.plan import Replay, replayed, stop_for
from tamis.rerankers.cascade.reranker import CascadeReranker
from tamis.rerankers.probability import sigmoid
from tamis.rerankers.ranker import RankingEvent
from tamis.testing import FakeScorer, check_postprocessor

QUERY = "which"
EXACT = Bands((Band.exact(),))
numbers = st.lists(st.integers(-40, 40).map(lambda one: one / 8), min_size=1, max_size=40)


@dataclass
class Knows(LocalScorer):
    """Gives the log-odds written down for each text, and remembers what it was asked."""

    log_odds: Any
    name: str = "knows"
    delay_s: float = 0.0
    asked: list[str] = field(default_factory=list)

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        time.sleep(self.delay_s)
        self.asked += [passage.text for passage in passages]
        if isinstance(self.log_odds, Exception):
            raise self.log_odds
        return [self.log_odds[passage.text] for passage in passages]


def passages(count: int) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(id_=str(at), text=str(at)), score=0.5) for at in range(count)]


def knows(log_odds: Sequence[float | None], name: str = "knows", delay_s: float = 0.0) -> Knows:
    return Knows({str(at): one for at, one in enumerate(log_odds)}, name, delay_s)


def ids(nodes: Sequence[NodeWithScore]) -> list[int]:
    return [int(node.node_id) for node in nodes]


def event_of(reranker: CascadeReranker) -> RankingEvent:
    assert reranker.last is not None
    return reranker.last


def by_value(values: Sequence[float]) -> list[int]:
    return sorted(range(len(values)), key=lambda at: -values[at])


def drawn(rng: np.random.Generator, count: int = 100, noise: float = 1.0) -> tuple[Any, Any]:
    """Cheap and dear log-odds of one query, linear but for noise, with a query's own offset."""
    cheap = rng.normal(-3, 2, count)
    return cheap, 1.5 * cheap + 2 + rng.normal(0, 1) + rng.normal(0, noise, count)


def test_keeps_the_contract() -> None:
    report = check_postprocessor(
        CascadeReranker([FakeScorer(), FakeScorer()]),
        "reranker",
        slow=CascadeReranker([FakeScorer(), FakeScorer(delay_s=0.2)]),
        failing=CascadeReranker([FakeScorer(error="down"), FakeScorer(error="down")]),
    )
    assert report.failures == []


class TestTheSameResult:
    @given(numbers, st.integers(1, 10), st.integers(1, 9))
    def test_with_an_exact_band_it_is_that_of_full_scoring(self, dear: list[float], k: int, size: int) -> None:
        last = knows(dear)
        reranker = CascadeReranker([knows(dear), last], k, bands=EXACT, batch_size=size)
        found = reranker.postprocess_nodes(passages(len(dear)), query_str=QUERY)
        full = by_value(dear)
        assert ids(found)[:k] == full[:k]
        assert [node.score for node in found] == pytest.approx([sigmoid(dear[at]) for at in full])
        event = event_of(reranker)
        assert event.details["decided"]
        # Every tie with the last of the best may be asked, and what is left of a batch.
        bar = dear[full[min(k, len(dear)) - 1]]
        assert len(last.asked) <= sum(one >= bar for one in dear) + size

    @given(numbers, st.sampled_from([-1.0, 0.0, 0.5, 1.0]), st.integers(1, 9))
    def test_so_is_what_a_policy_keeps(self, dear: list[float], eta: float, size: int) -> None:
        policy = Threshold(sigmoid(eta))
        reranker = CascadeReranker([knows(dear), knows(dear)], policy=policy, bands=EXACT, batch_size=size)
        found = reranker.postprocess_nodes(passages(len(dear)), query_str=QUERY)
        kept = AdaptiveTopK(policy).postprocess_nodes(found, query_str=QUERY)
        assert sorted(ids(kept)) == [at for at, one in enumerate(dear) if sigmoid(one) >= sigmoid(eta)]
        assert event_of(reranker).details["decided"]

    @settings(max_examples=40)
    @given(numbers, st.data())
    def test_with_a_risk_next_to_nothing_a_wide_band_gives_it_too(self, dear: list[float], data: st.DataObject) -> None:
        cheap = data.draw(st.lists(st.floats(-4, 4), min_size=len(dear), max_size=len(dear)))
        wide = Bands((Band(spread=(30.0,)),))
        last = knows(dear)
        reranker = CascadeReranker([knows(cheap), last], 5, bands=wide, risk=1e-9)
        assert ids(reranker.postprocess_nodes(passages(len(dear)), query_str=QUERY)) == by_value(dear)
        assert sorted(last.asked) == sorted(str(at) for at in range(len(dear)))
        assert event_of(reranker).details["stopped"] == "everything asked"


class TestFitted:
    def test_the_kept_set_is_right_as_often_as_promised_for_a_fraction_of_the_calls(self) -> None:
        rng = np.random.default_rng(0)
        training = [drawn(rng) for _ in range(100)]
        cascade = CascadeReranker([FakeScorer(), FakeScorer()]).fit(*([list(q[at]) for q in training] for at in (0, 1)))
        assert cascade.bands is not None
        right = calls = 0
        for number in range(120):
            cheap, dear = drawn(rng)
            last = knows(dear.tolist(), "fake")
            tried = CascadeReranker([knows(cheap.tolist(), "fake"), last], bands=cascade.bands)
            found = tried.postprocess_nodes(passages(100), query_str=str(number))
            right += set(ids(found)[:5]) == set(by_value(dear)[:5])
            calls += len(last.asked)
        assert right / 120 >= 0.92
        assert calls / 120 / 100 <= 0.35
        assert cascade.bands.call_share == pytest.approx(calls / 120 / 100, abs=0.05)

    def test_the_promise_holds_even_where_the_bands_are_wrong(self) -> None:
        rng = np.random.default_rng(1)
        wrong = (Band(intercept=3.0, slope=0.2, spread=(0.05,), query=(0.0, 0.0, 0.0)),)
        goal = Goal(5)

        def replay() -> Replay:
            return replayed(np.stack(drawn(rng, 40)), wrong, goal, 5)

        stop = stop_for([replay() for _ in range(200)], 0.1)
        assert stop is not None
        missed = sum(one.tightest() <= stop for one in (replay() for _ in range(400))) / 400
        assert missed <= 0.1 + 3 * math.sqrt(0.1 * 0.9 / 400) + 3 * math.sqrt(0.1 * 0.9 / 200)

    def test_the_line_and_its_spread_are_found(self) -> None:
        rng = np.random.default_rng(5)
        pairs = [drawn(rng) for _ in range(200)]
        band = fitted([one for one, _ in pairs], [other for _, other in pairs])
        assert band.slope == pytest.approx(1.5, abs=0.02)
        assert band.intercept - band.slope * band.centre == pytest.approx(2, abs=0.25)
        assert band.query[0] == pytest.approx(1.0, abs=0.25)
        assert band.query[2] == pytest.approx(0.0, abs=0.01)
        assert band.spread == pytest.approx([1.0] * len(band.spread), abs=0.08)
        assert band.exceeded(1.645) == pytest.approx(0.05, abs=0.006)
        assert band.exceeded(-1.645) == pytest.approx(0.95, abs=0.006)
        assert band.exceeded(9.0) < 1e-12

    def test_a_heavy_tail_is_a_heavy_tail(self) -> None:
        rng = np.random.default_rng(3)
        pairs = []
        for _ in range(100):
            cheap = rng.normal(0, 2, 60)
            pairs.append((cheap, cheap + rng.standard_t(2, 60)))
        band = fitted([one for one, _ in pairs], [other for _, other in pairs])
        assert band.exceeded(4.0) > 10 * Band().exceeded(4.0)

    def test_what_was_asked_narrows_the_band(self) -> None:
        band = Band(query=(4.0, 0.0, 0.0), spread=(0.5,))
        cheap, dear = np.zeros(6), np.full(6, 2.0)
        before = band.predicted(cheap, np.zeros(6, dtype=bool), dear)
        known = np.array([True, True, True, False, False, False])
        after = band.predicted(cheap, known, dear)
        assert before[0].tolist() == [0.0] * 6
        # Worked out by hand: 3 observations with variance 1/4 and a prior with variance 4.
        assert after[0] == pytest.approx([2.0 * 4 / (4 + 0.25 / 3)] * 6)
        assert after[1] == pytest.approx([math.sqrt(1 / (1 / 4 + 3 / 0.25) + 0.25)] * 6)
        assert (after[1] < before[1]).all()

    def test_too_few_queries_fit_no_stop(self) -> None:
        rng = np.random.default_rng(4)
        pairs = [drawn(rng, 20) for _ in range(10)]
        cascade = CascadeReranker([FakeScorer(), FakeScorer()]).fit(*([q[at].tolist() for q in pairs] for at in (0, 1)))
        assert cascade.bands is not None
        assert cascade.bands.stop is None
        assert cascade._stop() == 0.05

    def test_a_stop_holds_for_its_own_goal_alone(self) -> None:
        rng = np.random.default_rng(5)
        pairs = [drawn(rng, 30) for _ in range(80)]
        cascade = CascadeReranker([FakeScorer(), FakeScorer()]).fit(*([q[at].tolist() for q in pairs] for at in (0, 1)))
        assert cascade.bands is not None
        assert cascade._stop() == cascade.bands.stop
        assert cascade.bands.stop is not None
        cascade.top_k = 7
        assert cascade._stop() == 0.05
        assert CascadeReranker.from_dict(cascade.to_dict()).bands == cascade.bands

    def test_bands_are_saved_and_refused(self, tmp_path: Any) -> None:
        bands = Bands((Band(tail=(-1.0, 0.0, 1.0), rarest=0.1),), 0.2, {"top_k": 5}, 40, 0.3)
        bands.save(tmp_path / "bands.json")
        assert Bands.load(tmp_path / "bands.json") == bands
        assert CascadeReranker([FakeScorer()] * 2, bands=tmp_path / "bands.json").bands == bands
        wrong: list[Any] = [
            {},
            {"bands": []},
            {"bands": [{"at": [1.0, 2.0]}], "stop": 0.1},
            {"bands": [{}], "stop": 3},
            {"bands": 3},
        ]
        for broken in wrong:
            with pytest.raises(BadInput, match=r"no fitted band|not a fitted band"):
                Bands.from_dict(broken)
        with pytest.raises(BadSetting, match="2 bands for 2 scorers"):
            CascadeReranker([FakeScorer()] * 2, bands=Bands((Band(), Band())))
        with pytest.raises(BadSetting, match="fit them anew"):
            CascadeReranker([FakeScorer()] * 2, bands=Bands((Band(),), goal={"scorers": ["a", "b"]}))

    @pytest.mark.parametrize(
        ("log_odds", "reason"),
        [
            (([[1.0, 2.0]] * 9,), "log-odds of 1 scorers"),
            (([[1.0, 2.0]] * 9, [[1.0, 2.0]] * 8), "9, 8 queries"),
            (([[1.0, 2.0]] * 2,) * 2, "at least 5"),
            (([1.0] * 9,) * 2, "list"),
            (([[1.0, 2.0]] * 9, [[1.0]] * 9), "one number for each candidate"),
            (([[1.0, math.nan]] * 9,) * 2, "finite"),
            (([[1.0]] * 9,) * 2, "two or more candidates"),
        ],
    )
    def test_log_odds_that_do_not_fit_together_are_refused(self, log_odds: Any, reason: str) -> None:
        with pytest.raises(BadInput, match=reason):
            CascadeReranker([FakeScorer(), FakeScorer()]).fit(*log_odds)


class TestBudget:
    @given(numbers, st.integers(0, 50), st.integers(1, 9))
    def test_calls(self, dear: list[float], calls: int, size: int) -> None:
        last = knows(dear)
        reranker = CascadeReranker([knows([0.0] * len(dear)), last], budget=Budget(calls=calls), batch_size=size)
        found = reranker.postprocess_nodes(passages(len(dear)), query_str=QUERY)
        assert len(last.asked) <= min(calls, len(dear))
        assert len(set(last.asked)) == len(last.asked)
        assert sorted(ids(found)) == list(range(len(dear)))
        scores = [node.score for node in found if node.score is not None]
        assert (len(scores), scores) == (len(dear), sorted(scores, reverse=True))
        assert event_of(reranker).details["asked"] == [len(last.asked)]
        if len(last.asked) < len(dear) and not event_of(reranker).details["decided"]:
            assert event_of(reranker).details["stopped"] == "the calls are spent"
            assert len(last.asked) == calls

    @given(numbers, st.integers(0, 100))
    def test_tokens(self, dear: list[float], tokens: int) -> None:
        last = knows(dear)
        cascade = CascadeReranker([knows([0.0] * len(dear)), last], budget={"tokens": tokens}, tokenizer=list)
        found = cascade.postprocess_nodes(passages(len(dear)), query_str=QUERY)
        assert sum(len(QUERY) + len(text) for text in last.asked) <= tokens
        assert len(found) == len(dear)

    @pytest.mark.parametrize("way", ["sync", "async"])
    def test_seconds(self, way: str) -> None:
        dear = [float(at) for at in range(40)]
        last = knows(dear, delay_s=0.3)
        reranker = CascadeReranker(
            [knows([0.0] * 40), last],
            budget=Budget(seconds=1.35),
            batch_size=4,
            bands=Bands((Band(spread=(30.0,)),)),
            risk=1e-9,
        )
        started = time.monotonic()
        if way == "sync":
            found = reranker.postprocess_nodes(passages(40), query_str=QUERY)
        else:
            found = asyncio.run(reranker.apostprocess_nodes(passages(40), query_str=QUERY))
        # A call that is late goes on in its thread, but is not waited for; asyncio.run waits for threads.
        assert time.monotonic() - started < 2.0
        assert sorted(ids(found)) == list(range(40))
        event = event_of(reranker)
        assert not event.details["decided"]
        assert 4 <= event.details["asked"][0] <= 20

    @pytest.mark.parametrize(
        "settings", [{"calls": -1}, {"calls": 1.5}, {"tokens": True}, {"seconds": 0.0}, {"seconds": math.nan}]
    )
    def test_a_wrong_one_is_refused(self, settings: dict[str, Any]) -> None:
        with pytest.raises(BadSetting, match="budget"):
            Budget(**settings)


class TestScorersThatFail:
    def test_the_cheap_one_and_the_dear_one_judges_everything(self) -> None:
        dear = [1.0, 3.0, 2.0]
        reranker = CascadeReranker([Knows(RuntimeError("down")), knows(dear)], top_k=1)
        assert ids(reranker.postprocess_nodes(passages(3), query_str=QUERY)) == [1, 2, 0]
        assert event_of(reranker).reasons == {"knows: RuntimeError: down": 3}

    def test_the_dear_one_and_the_cheap_one_decides(self) -> None:
        reranker = CascadeReranker([knows([1.0, 3.0, 2.0]), Knows(RuntimeError("down"))])
        found = reranker.postprocess_nodes(passages(3), query_str=QUERY)
        assert ids(found) == [1, 2, 0]
        assert all(node.score is not None for node in found)
        assert event_of(reranker).details["expected"] == 0

    def test_both_and_the_order_is_the_retrievers(self) -> None:
        reranker = CascadeReranker([Knows(RuntimeError("down")), Knows(RuntimeError("out"))])
        found = reranker.postprocess_nodes(passages(3), query_str=QUERY)
        assert [(node.node_id, node.score) for node in found] == [("0", None), ("1", None), ("2", None)]

    def test_one_candidate_that_nobody_can_score_stands_last(self) -> None:
        reranker = CascadeReranker([knows([None, 1.0, 0.0]), knows([None, 1.0, None])])
        found = reranker.postprocess_nodes(passages(3), query_str=QUERY)
        assert ids(found) == [1, 2, 0]
        assert [node.score is None for node in found] == [False, False, True]

    def test_a_broken_setup_is_raised(self) -> None:
        reranker = CascadeReranker([knows([1.0]), Knows(MissingExtra("it", extra="mllm"))])
        with pytest.raises(MissingExtra):
            reranker.postprocess_nodes(passages(1), query_str=QUERY)
        with pytest.raises(MissingExtra):
            asyncio.run(reranker.apostprocess_nodes(passages(1), query_str=QUERY))


class TestMoreScorers:
    @given(numbers, st.integers(1, 6))
    def test_three_climb_a_step_at_a_time(self, dear: list[float], k: int) -> None:
        first, second, third = knows([0.0] * len(dear)), knows(dear), knows(dear)
        bands = Bands((Band(spread=(3.0,)), Band.exact()))
        reranker = CascadeReranker([first, second, third], k, bands=bands, batch_size=4, risk=1e-6)
        found = reranker.postprocess_nodes(passages(len(dear)), query_str=QUERY)
        assert [dear[at] for at in ids(found)[:k]] == [dear[at] for at in by_value(dear)[:k]]
        assert set(third.asked) <= set(second.asked)
        assert len(third.asked) == len(set(third.asked))
        assert event_of(reranker).details["asked"] == [len(second.asked), len(third.asked)]

    def test_evidence_reaches_the_scorers_that_use_it(self) -> None:
        class Aware(LocalScorer):
            def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
                raise AssertionError("evidence was there")

            def score_evidence(
                self, query: Content, passages: Sequence[Content], evidence: Sequence[Evidence]
            ) -> list[float | None]:
                return [one["bm25"].score for one in evidence]

        nodes = [Candidate(node=TextNode(id_=str(at), text=str(at)), hits={"bm25": Hit(float(at))}) for at in range(3)]
        dear = knows([0.0, 1.0, 2.0])
        found = CascadeReranker([Aware(), dear], top_k=1, bands=EXACT, batch_size=1).postprocess_nodes(
            list(nodes), query_str=QUERY
        )
        assert (ids(found), dear.asked) == ([2, 1, 0], ["2"])
        assert isinstance(found[0], Candidate)

    def test_calibrators_make_the_scores_and_the_default_bands(self) -> None:
        halved = Calibrator.from_dict({"method": "platt", "parameters": {"slope": 0.5, "intercept": 1.0}})
        cascade = CascadeReranker([knows([4.0, 2.0]), knows([2.0, 4.0])], calibrators=[None, halved])
        found = cascade.postprocess_nodes(passages(2), query_str=QUERY)
        assert [node.score for node in found] == pytest.approx([sigmoid(3.0), sigmoid(2.0)])
        stepped = Calibrator.from_dict(
            {"method": "isotonic", "parameters": {"log_odds": [0.0, 5.0], "probabilities": [0.2, 0.7]}}
        )
        cascade = CascadeReranker([knows([4.0, 2.0]), knows([5.0, 9.0])], calibrators=[None, stepped])
        found = cascade.postprocess_nodes(passages(2), query_str=QUERY)
        # Both are on the last step: log-odds still tell them apart.
        assert [(node.node_id, node.score) for node in found] == [("1", 0.7), ("0", 0.7)]


@given(numbers, st.lists(st.floats(-6, 6), max_size=10), st.integers(1, 8))
def test_the_bar_of_a_policy_is_where_it_begins_to_keep(known: list[float], guessed: list[float], k: int) -> None:
    bar = Goal(1, FixedK(k), sigmoid).bar(known, guessed)
    others = sorted((*known, *sorted(guessed, reverse=True)[1:]), reverse=True)
    if len(others) < k:
        assert bar == -math.inf
    else:
        assert bar <= others[k - 1] + 1e-9
        assert len(others) == k - 1 or bar >= (others[k] if len(others) > k else -30.0) - 0.02


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"scorers": [FakeScorer()]}, "two or more"),
        ({"scorers": "evidence"}, "two or more"),
        ({"scorers": [FakeScorer(), 3]}, "score and ascore"),
        ({"top_k": 0}, "top_k is 0"),
        ({"risk": 0.0}, "risk is 0"),
        ({"risk": 1.0}, "risk is 1"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"policy": 3}, "keep"),
        ({"calibrators": [None]}, "1 calibrators for 2"),
    ],
)
def test_a_wrong_setting_is_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadSetting, match=reason):
        CascadeReranker(**{"scorers": [FakeScorer(), FakeScorer()], **settings})
