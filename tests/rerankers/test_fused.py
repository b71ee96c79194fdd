"""FusedReranker: the mean of both scores, either one alone where the other is missing."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.schema import NodeWithScore, TextNode

from tamis.core.errors import BadSetting
from tamis.models import Hit
from tamis.nodes import Candidate
from tamis.rerankers import Calibrator, Reranker
from tamis.rerankers.fused import FusedReranker, FusionEvent
from tamis.testing import FakeScorer, check_postprocessor
from tamis.testing.recording import recording

QUERY = "a red bus"


def candidates(cosines: Sequence[float | None]) -> list[NodeWithScore]:
    return [
        Candidate(
            node=TextNode(id_=str(at), text=str(at)),
            score=0.1,
            hits={} if one is None else {"dense": Hit(one, rank=at + 1)},
        )
        for at, one in enumerate(cosines)
    ]


def scorer(log_odds: Sequence[float | None]) -> FakeScorer:
    return FakeScorer({str(at): one for at, one in enumerate(log_odds)}, rule="unknown")


def ids(nodes: Sequence[NodeWithScore]) -> list[str]:
    return [node.node_id for node in nodes]


def fused(reranker: FusedReranker, nodes: list[NodeWithScore]) -> tuple[list[NodeWithScore], FusionEvent]:
    again = asyncio.run(reranker.apostprocess_nodes(nodes, query_str=QUERY))
    with recording() as seen:
        found = reranker.postprocess_nodes(nodes, query_str=QUERY)
    assert [(one.node_id, one.score) for one in found] == [(one.node_id, one.score) for one in again]
    (event,) = [event for event in seen.events if isinstance(event, FusionEvent)]
    return found, event


def test_keeps_the_contract() -> None:
    report = check_postprocessor(
        FusedReranker(FakeScorer(), source="score"),
        "reranker",
        slow=FusedReranker(FakeScorer(delay_s=0.2), source="score"),
        failing=FusedReranker(FakeScorer(error="down")),
    )
    assert report.failures == []


def test_the_fused_score_by_hand() -> None:
    found, event = fused(FusedReranker(scorer([0.0, 0.0, 2.0]), alpha=0.25), candidates([1.0, -0.2, 0.0]))
    # 0.25 * (1 + cosine) / 2 + 0.75 * P
    assert ids(found) == ["2", "0", "1"]
    assert [node.score for node in found] == pytest.approx(
        [0.125 + 0.75 * 0.880797, 0.25 + 0.375, 0.1 + 0.375], abs=1e-6
    )
    assert (event.alpha, event.source, event.by) == (0.25, "dense", {"both": 3})
    assert isinstance(found[0], Candidate)
    assert found[0].hits["dense"].score == 0.0


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), max_size=12))
def test_the_ends_of_alpha_are_the_two_rankings(pairs: list[tuple[int, int]]) -> None:
    nodes = candidates([one / 10 for one, _ in pairs])
    by_model = scorer([float(9 * other) for _, other in pairs])
    reranked = Reranker(by_model).postprocess_nodes(nodes, query_str=QUERY)
    found = FusedReranker(by_model, alpha=0.0).postprocess_nodes(nodes, query_str=QUERY)
    assert [(one.node_id, one.score) for one in found] == [(one.node_id, one.score) for one in reranked]
    found = FusedReranker(by_model, alpha=1.0).postprocess_nodes(nodes, query_str=QUERY)
    order = sorted(range(len(pairs)), key=lambda at: -pairs[at][0])
    assert ids(found) == [str(at) for at in order]
    assert [node.score for node in found] == pytest.approx([(1 + pairs[at][0] / 10) / 2 for at in order])


def test_the_one_that_is_there_counts_where_the_other_is_missing() -> None:
    found, event = fused(FusedReranker(scorer([0.0, None, 3.0, None])), candidates([0.5, 0.9, None, None]))
    assert {node.node_id: node.score for node in found} == pytest.approx(
        {"0": 0.5 * 0.75 + 0.25, "1": 0.95, "2": 0.952574, "3": None}, abs=1e-6
    )
    assert ids(found)[-1] == "3"
    assert event.by == {"both": 1, "retriever": 1, "reranker": 1, "neither": 1}


def test_a_scorer_that_is_down_leaves_the_retrievers_ranking() -> None:
    found, event = fused(FusedReranker(FakeScorer(error="down")), candidates([0.1, 0.9]))
    assert ids(found) == ["1", "0"]
    assert event.by == {"retriever": 2}


def test_other_sources() -> None:
    nodes: list[NodeWithScore] = [
        Candidate(node=TextNode(id_="0", text="0"), score=0.4, hits={"image": Hit(0.2), "dense": Hit(0.9)}),
        NodeWithScore(node=TextNode(id_="1", text="1"), score=7.5),
    ]
    by_image, event = fused(FusedReranker(scorer([0.0, 0.0]), 1.0, "image"), nodes)
    assert (by_image[0].score, event.by) == (0.6, {"both": 1, "reranker": 1})
    # A score that is no cosine is none at all.
    by_score, event = fused(FusedReranker(scorer([0.0, 0.0]), 1.0, "score"), nodes)
    assert (by_score[0].score, event.by) == (0.7, {"both": 1, "reranker": 1})


def test_of_takes_over_a_rerankers_settings() -> None:
    calibrator = Calibrator.from_dict({"method": "temperature", "parameters": {"slope": 0.5}})
    reranker = Reranker(scorer([2.0]), calibrator, 1, deadline_s=9.0, fallback=FakeScorer())
    found = FusedReranker.of(reranker, alpha=0.3)
    for name in Reranker.model_fields:
        if name != "callback_manager":
            assert getattr(found, name) == getattr(reranker, name)
    assert found.postprocess_nodes(candidates([0.0]), query_str=QUERY)[0].score == pytest.approx(0.15 + 0.7 * 0.731059)


@pytest.mark.parametrize("settings", [{"alpha": -0.1}, {"alpha": 1.1}, {"alpha": float("nan")}, {"source": "bm25"}])
def test_a_wrong_setting_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(BadSetting, match=next(iter(settings))):
        FusedReranker(FakeScorer(), **settings)
