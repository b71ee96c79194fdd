"""Reasons: a sentence for each of the first nodes, in an event, and nothing changed."""

import asyncio
import time
from typing import Any

import pytest
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from tamis.core.errors import BadSetting, MissingExtra
from tamis.rerankers.listwise.reasons import Reason, Reasons, ReasonsEvent, first_sentence
from tamis.testing import FakeScorer, check_postprocessor
from tamis.testing.fake_chooser import FakeChooser
from tamis.testing.recording import recording

QUERY = "a red bus"


def passages(*texts: str) -> list[NodeWithScore]:
    return [
        NodeWithScore(node=TextNode(id_=str(at), text=text, metadata={"page": at}), score=1.0 - at / 10)
        for at, text in enumerate(texts)
    ]


def test_keeps_the_contract_of_a_stage_that_changes_nothing() -> None:
    report = check_postprocessor(
        Reasons(FakeChooser()),
        "orderer",
        slow=Reasons(FakeChooser(delay_s=0.2)),
        failing=Reasons(FakeChooser(misbehave="error")),
    )
    assert report.failures == []


def test_reasons_are_in_an_event_and_the_nodes_are_untouched() -> None:
    chooser = FakeChooser({"the bus": 2.0, "a tram": 1.0})
    reasons, nodes = Reasons(chooser, first=2), passages("the bus", "a tram", "a car")
    with recording() as seen:
        found = reasons.postprocess_nodes(nodes, query_str=QUERY)
    assert all(one is other for one, other in zip(found, nodes, strict=True))
    assert [node.node.metadata for node in found] == [{"page": 0}, {"page": 1}, {"page": 2}]
    (event,) = [event for event in seen.events if isinstance(event, ReasonsEvent)]
    assert (event.model, event.query) == ("fake", QUERY)
    assert event.reasons == [
        {"node_id": "0", "text": "Its words meet the question's by 2.0.", "why_not": None},
        {"node_id": "1", "text": "Its words meet the question's by 1.0.", "why_not": None},
    ]
    assert chooser.calls == [2]
    assert [one.node_id for one in reasons.last] == ["0", "1"]
    assert (
        asyncio.run(reasons.aexplain(QUERY, nodes)) == reasons.explain(QueryBundle(QUERY), nodes) == list(reasons.last)
    )


@pytest.mark.parametrize(
    ("misbehave", "why_not"),
    [
        ("none", "the model wrote nothing"),
        ("error", "ScorerError: the chooser is out of order, as it was told to be"),
        ("short", "ScorerError: the model gave 1 replies to 2 prompts; it must give one each"),
    ],
)
def test_where_there_is_none_it_says_why(misbehave: Any, why_not: str) -> None:
    found = Reasons(FakeChooser(misbehave=misbehave)).explain(QUERY, passages("a", " ", "b"))
    assert found == [
        Reason("0", None, why_not),
        Reason("1", None, "neither text nor image to judge"),
        Reason("2", None, why_not),
    ]


def test_the_deadline_is_kept() -> None:
    started = time.monotonic()
    found = Reasons(FakeChooser(delay_s=1.0), deadline_s=0.2).explain(QUERY, passages("a"))
    assert time.monotonic() - started < 0.6
    assert found == [Reason("0", None, "the deadline of 0.2 s")]


def test_without_a_query_there_are_none() -> None:
    chooser = FakeChooser()
    assert len(Reasons(chooser).postprocess_nodes(passages("a"))) == 1
    assert Reasons(chooser).explain(" ", passages("a")) == [Reason("0", None, "the query is empty")]
    assert chooser.calls == []


def test_a_broken_setup_is_raised() -> None:
    class Missing(FakeChooser):
        def _texts(self, prompts: Any) -> Any:
            raise MissingExtra("a model", extra="mllm")

    with pytest.raises(MissingExtra):
        Reasons(Missing()).explain(QUERY, passages("a"))
    with pytest.raises(MissingExtra):
        asyncio.run(Reasons(Missing()).aexplain(QUERY, passages("a")))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("It is 2.5 m long. Yes.", "It is 2.5 m long."),
        ("no end", "no end"),
        (" two\n\tlines. ", "two lines."),
        ("\x1b[31mred.", "[31mred."),
        (" \n", None),
        ("x" * 999, "x" * 400),
    ],
)
def test_the_first_sentence(text: str, sentence: str | None) -> None:
    assert first_sentence(text) == sentence


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(BadSetting, match="choose and achoose"):
        Reasons(FakeScorer())  # type: ignore[arg-type]
    with pytest.raises(BadSetting, match="first is 0"):
        Reasons(FakeChooser(), first=0)
