"""Reranker over HttpScorer while the server misbehaves: no node lost, no exception, deadlines kept, scores right."""

import asyncio
import logging
import math
import re
import time
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from llama_index.core.schema import NodeWithScore, TextNode

from tamis.models.http import HttpScorer
from tamis.rerankers import Reranker, RerankOutcomeEvent
from tamis.testing import FakeScorer
from tamis.testing.fault_server import Fault, FaultServer
from tamis.testing.recording import recording

FAULTS: list[Fault] = [
    *("rate-limit", "overloaded", "error", "reset", "stall", "truncated", "missing", "nan", "short", "long"),
    *("shuffled", "duplicate", "foreign"),
]
STALLED_S, LONG_S = 3.0, 6.0
"""Deadlines, in seconds: one that stalled requests run into, and one that a busy machine keeps too."""
CALLS, AT_ONCE, NODES = 40, 20, 6
SECRET = "sk-hunter22-hunter22"


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    # Every call here warns, as it should; a thousand warnings say no more than one.
    logging.getLogger("tamis.rerankers.reranker").disabled = True
    yield
    logging.getLogger("tamis.rerankers.reranker").disabled = False


def truth(query: str, passage: str) -> float:
    """The log-odds written in a passage."""
    found = re.search(r"worth (-?\d+\.\d+)", passage)
    assert found is not None, passage
    return float(found[1])


def nodes(call: int, count: int = NODES) -> list[NodeWithScore]:
    worth = [((call * 7 + at * 13) % 60) / 10 - 3 for at in range(count)]
    return [
        NodeWithScore(node=TextNode(id_=f"{call}-{at}", text=f"passage {call} {at} worth {value:.2f}"), score=0.5)
        for at, value in enumerate(worth)
    ]


def must_be_sound(call: int, found: list[NodeWithScore]) -> None:
    """All nodes once, the scored ones best first with their own score, the others behind in the order they came in."""
    assert sorted(node.node_id for node in found) == sorted(node.node_id for node in nodes(call, len(found)))
    scored = [node for node in found if node.score is not None]
    assert found[: len(scored)] == scored
    for node in scored:
        assert node.score == pytest.approx(1 / (1 + math.exp(-truth("", node.get_content()))), abs=1e-9)
    assert [node.score for node in scored] == sorted((node.score or 0.0 for node in scored), reverse=True)
    rest = [int(node.node_id.split("-")[1]) for node in found[len(scored) :]]
    assert rest == sorted(rest)


def run_calls(reranker: Reranker, calls: int = CALLS, at_once: int = AT_ONCE) -> list[float]:
    """Makes many calls, so many at a time, checks each, and says how long each took."""

    async def one(call: int) -> float:
        began = time.monotonic()
        found = await reranker.apostprocess_nodes(nodes(call), query_str="what is it worth?")
        seconds = time.monotonic() - began
        must_be_sound(call, found)
        return seconds

    async def all_of_them() -> list[float]:
        taken: list[float] = []
        for start in range(0, calls, at_once):
            taken += await asyncio.gather(*(one(call) for call in range(start, start + at_once)))
        return taken

    return asyncio.run(all_of_them())


def test_every_fault_is_tried() -> None:
    assert set(get_args(Fault)) - set(FAULTS) == {"redirect", "refused"}


# 13 faults and their mixture, 40 calls each, in two dialects: 1,120 calls.
@pytest.mark.parametrize("dialect", ["rerank", "openai-chat"])
@pytest.mark.parametrize("faults", [*([fault] for fault in FAULTS), FAULTS], ids=[*FAULTS, "mixed"])
def test_nothing_is_lost(dialect: Any, faults: list[Fault]) -> None:
    with FaultServer(faults, share=0.3, truth=truth, stall_s=10, seed=len(faults)) as server, recording() as seen:
        # Time out only what stalls: a busy machine that answers late would open the breaker by itself.
        timeout_s, deadline_s = (2.0, STALLED_S) if "stall" in faults else (LONG_S, LONG_S)
        scorer = HttpScorer(server.url, "m", dialect=dialect, timeout_s=timeout_s, max_concurrency=16)
        reranker = Reranker(scorer, deadline_s=deadline_s)
        seconds = run_calls(reranker)
        assert set(server.answered) - {"well"} <= set(faults)
        assert any(request.fault for request in server.received)
    assert max(seconds) <= 1.1 * deadline_s
    outcomes = [event for event in seen.events if isinstance(event, RerankOutcomeEvent)]
    assert len(outcomes) == CALLS
    assert reranker.stats["calls"] == CALLS
    assert sum(outcome.n_scored for outcome in outcomes) == reranker.stats.get("pairs", 0)
    # With retries nearly all are scored although three requests out of ten go wrong; stalls cost the time they take.
    assert reranker.stats["unscored"] <= (0.9 if "stall" in faults else 0.1) * CALLS * NODES


def test_a_fallback_scores_what_the_server_does_not() -> None:
    backup = FakeScorer(
        {node.get_content(): truth("", node.get_content()) for call in range(4) for node in nodes(call)}
    )
    with FaultServer(["stall"], share=1.0, truth=truth) as server:
        reranker = Reranker(HttpScorer(server.url, "m"), fallback=backup, deadline_s=STALLED_S)
        seconds = run_calls(reranker, 4, 4)
        assert reranker.stats["unscored"] == 0
        assert max(seconds) <= 1.1 * STALLED_S
    # The server is gone now: no waiting for the deadline.
    assert max(run_calls(Reranker(HttpScorer("http://127.0.0.1:1"), fallback=backup, deadline_s=5.0), 4, 4)) < 2.5


@pytest.mark.parametrize("path", ["sync", "async"])
def test_what_is_scored_in_time_counts(path: str) -> None:
    def stall_after_four(_: str, number: int) -> Fault | None:
        return "stall" if number >= 4 else None

    with FaultServer(always=stall_after_four, truth=truth) as server, recording() as seen:
        reranker = Reranker(HttpScorer(server.url, "m", max_concurrency=1), deadline_s=STALLED_S)
        began = time.monotonic()
        if path == "sync":
            found = reranker.postprocess_nodes(nodes(1), query_str="worth?")
        else:
            found = asyncio.run(reranker.apostprocess_nodes(nodes(1), query_str="worth?"))
        assert time.monotonic() - began <= 1.1 * STALLED_S
    must_be_sound(1, found)
    (outcome,) = [event for event in seen.events if isinstance(event, RerankOutcomeEvent)]
    assert (outcome.n_scored, outcome.reasons) == (4, {"the deadline of 3 s": 2})
    assert (outcome.counts["pairs"], outcome.counts["failures"]) == (4, 2)
    assert outcome.counts["requests"] == 5 + outcome.counts.get("retries", 0)


def test_sync_and_async_give_the_same() -> None:
    with FaultServer(["error", "short", "shuffled"], truth=truth, share=0.2) as server:
        reranker = Reranker(HttpScorer(server.url, "m", dialect="rerank"))
        sync = reranker.postprocess_nodes(nodes(3), query_str="worth?")

        async def both() -> tuple[list[NodeWithScore], list[NodeWithScore]]:
            inside = reranker.postprocess_nodes(nodes(3), query_str="worth?")
            return inside, await reranker.apostprocess_nodes(nodes(3), query_str="worth?")

        inside, awaited = asyncio.run(both())
    assert [node.node_id for node in sync] == [node.node_id for node in inside] == [node.node_id for node in awaited]
    assert [node.score for node in sync] == [node.score for node in inside] == [node.score for node in awaited]


def test_fifty_calls_at_once_overlap() -> None:
    delay_s = 1.5
    with FaultServer(truth=truth, delay_s=delay_s) as server:
        reranker = Reranker(HttpScorer(server.url, "m", dialect="rerank"))
        run_calls(reranker, 50, 50)
        # One good run of five: the machine may be busy; calls that wait for each other are slow every time.
        tries = (_wall(reranker) for _ in range(5))
        assert any(seconds <= 1.3 * delay_s for seconds in tries)
        assert server.most_at_once == 50
        assert server.connections == 50


def _wall(reranker: Reranker) -> float:
    began = time.monotonic()
    run_calls(reranker, 50, 50)
    return time.monotonic() - began


def test_a_whole_list_is_one_call() -> None:
    with FaultServer(truth=truth) as server:
        reranker = Reranker(HttpScorer(server.url, "m", dialect="rerank", list_size=100), batch_size=2)
        must_be_sound(1, reranker.postprocess_nodes(nodes(1, 40), query_str="worth?"))
        assert len(server.received) == 1


def test_no_secret_gets_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("tamis.rerankers.reranker").disabled = False
    with FaultServer(key="another", truth=truth) as server, recording() as seen:
        scorer = HttpScorer(server.url, "m", api_key=SECRET, headers={"X-Also": SECRET})
        reranker = Reranker(scorer, fallback=HttpScorer(server.url, api_key=SECRET))
        must_be_sound(1, reranker.postprocess_nodes(nodes(1), query_str="worth?"))
        assert all(request.headers["authorization"] == f"Bearer {SECRET}" for request in server.received)
    (outcome,) = [event for event in seen.events if isinstance(event, RerankOutcomeEvent)]
    assert outcome.n_unscored == NODES
    assert "HTTP 401" in str(outcome.reasons)
    told = [reranker.to_json(), repr(reranker), str(reranker.stats), caplog.text]
    told += [event.model_dump_json() for event in seen.events]
    assert all(SECRET not in text for text in told)
    again = Reranker.from_json(reranker.to_json())
    assert again.scorer.model == "m"
    assert again.scorer.api_key is None
    assert again.to_dict() == reranker.to_dict()
