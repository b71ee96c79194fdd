"""AdaptiveTopK: bounds, token budget, unscored passages, events, and its written form."""

import asyncio
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import NodeWithScore, TextNode

from tamis.core.errors import BadInput, BadSetting, NotFitted, UnknownComponent
from tamis.models import Hit
from tamis.nodes import Candidate
from tamis.rerankers import (
    AdaptiveTopK,
    ExpectedF1,
    FixedK,
    LargestGap,
    RecallGuarantee,
    SelectionEvent,
    Threshold,
    ZCut,
)
from tamis.testing.recording import recording


def passages(*scores: float | None, text: str = "five words are in here") -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(id_=str(at), text=text), score=score) for at, score in enumerate(scores)]


def ids(nodes: Sequence[NodeWithScore]) -> list[str]:
    return [node.node_id for node in nodes]


def only_event(run: Callable[[], Any]) -> SelectionEvent:
    with recording() as seen:
        run()
    (event,) = [event for event in seen.events if isinstance(event, SelectionEvent)]
    return event


def test_keeps_what_the_policy_says_and_the_same_objects() -> None:
    nodes = passages(0.9, 0.8, 0.1)
    kept = AdaptiveTopK(ExpectedF1()).postprocess_nodes(nodes)
    assert [node is given for node, given in zip(kept, nodes, strict=False)] == [True, True]


def test_the_default_policy_is_expected_f1_and_may_keep_nothing() -> None:
    assert AdaptiveTopK().postprocess_nodes(passages(0.1, 0.05)) == []
    assert AdaptiveTopK().postprocess_nodes([]) == []


QUESTION = "when was the tower of the town built"


class NearTheBest:
    """Keeps what is at least half as likely as the best, and a third."""

    def keep(self, probabilities: Sequence[float]) -> int:
        return sum(one >= max(probabilities[0] / 2, 1 / 3) for one in probabilities)


def asked(scores: Sequence[float | None], echoes: set[int]) -> list[NodeWithScore]:
    nodes = passages(*scores)
    for at in echoes:
        nodes[at].node.set_content(f"{QUESTION}? In the year {at}.")
    return nodes


@pytest.mark.parametrize(
    ("scores", "echoes", "kept", "beside"),
    [
        ([0.97, 0.4, 0.1], {0}, ["0", "1"], 1),  # the policy keeps 0 alone of all, and 1 of the others
        ([0.97, 0.4, 0.1], set(), ["0"], 0),
        ([0.97, 0.4, 0.1], {1}, ["0"], 0),  # what is not kept crowds nobody out
        ([0.97, 0.1, 0.05], {0}, ["0"], 0),  # nothing else answers
        ([0.4, 0.97, 0.96, None], {1, 2}, ["0", "1", "2"], 1),  # in the order they came in
        ([0.1, 0.05], {0}, [], 0),
    ],
)
def test_what_repeats_the_query_crowds_nothing_out(
    scores: list[float | None], echoes: set[int], kept: list[str], beside: int
) -> None:
    nodes = asked(scores, echoes)
    selector = AdaptiveTopK(NearTheBest(), echoes="aside")
    event = only_event(lambda: selector.postprocess_nodes(nodes, query_str=QUESTION))
    assert ids(selector.postprocess_nodes(nodes, query_str=QUESTION)) == kept
    assert (event.n_kept, event.n_beside_echoes) == (len(kept), beside)


def test_echoes_count_unless_they_are_set_aside() -> None:
    nodes = asked([0.97, 0.4, 0.1], {0})
    assert ids(AdaptiveTopK(NearTheBest()).postprocess_nodes(nodes, query_str=QUESTION)) == ["0"]
    assert ids(AdaptiveTopK(NearTheBest(), echoes="aside").postprocess_nodes(nodes)) == ["0"]


def test_bounds_hold_beside_echoes_too() -> None:
    nodes = asked([0.97, 0.4, 0.1], {0})
    one = AdaptiveTopK(NearTheBest(), echoes="aside", max_k=1)
    assert ids(one.postprocess_nodes(nodes, query_str=QUESTION)) == ["0"]
    assert only_event(lambda: one.postprocess_nodes(nodes, query_str=QUESTION)).n_beside_echoes == 0
    three = AdaptiveTopK(NearTheBest(), echoes="aside", min_k=3)
    assert ids(three.postprocess_nodes(nodes, query_str=QUESTION)) == ["0", "1", "2"]


def test_candidates_keep_their_hits() -> None:
    candidate = Candidate(node=TextNode(text="a bus"), score=0.9, hits={"bm25": Hit(7.5, 1)})
    assert AdaptiveTopK().postprocess_nodes([candidate])[0] is candidate


def test_best_are_those_of_the_highest_score_and_stay_in_the_order_they_came_in() -> None:
    nodes = passages(0.1, 0.9, 0.5, 0.8)
    assert ids(AdaptiveTopK(FixedK(2)).postprocess_nodes(nodes)) == ["1", "3"]
    assert ids(AdaptiveTopK(Threshold(0.5)).postprocess_nodes(nodes)) == ["1", "2", "3"]


def test_equal_scores_keep_the_first() -> None:
    assert ids(AdaptiveTopK(FixedK(2)).postprocess_nodes(passages(0.5, 0.5, 0.5))) == ["0", "1"]


@pytest.mark.parametrize(
    ("settings", "kept", "limit"),
    [
        ({}, 2, "policy"),
        ({"min_k": 1}, 2, "policy"),
        ({"min_k": 3}, 3, "min_k"),
        ({"min_k": 9}, 4, "min_k"),
        ({"max_k": 1}, 1, "max_k"),
        ({"max_k": 3}, 2, "policy"),
        ({"min_k": 3, "max_k": 3}, 3, "min_k"),
    ],
)
def test_bounds(settings: dict[str, int], kept: int, limit: str) -> None:
    nodes = passages(0.9, 0.8, 0.1, 0.05)
    select = AdaptiveTopK(Threshold(0.5), **settings)  # type: ignore[arg-type]
    assert len(select.postprocess_nodes(nodes)) == kept
    assert only_event(lambda: select.postprocess_nodes(nodes)).limit == limit


@settings(deadline=None)
@given(
    st.lists(st.none() | st.floats(0, 1), max_size=20),
    st.sampled_from([ExpectedF1(), Threshold(), FixedK(4), LargestGap(), ZCut()]),
    st.integers(0, 5),
    st.none() | st.integers(5, 9),
    st.none() | st.integers(1, 60),
    st.sampled_from(["drop", "keep"]),
)
def test_selects_a_subsequence_within_the_bounds(
    scores: list[float | None], policy: Any, min_k: int, max_k: int | None, budget: int | None, unscored: Any
) -> None:
    nodes = passages(*scores)
    select = AdaptiveTopK(policy, min_k, max_k, budget, unscored=unscored, tokenizer=str.split)
    kept = select.postprocess_nodes(nodes)
    places = [next(at for at, node in enumerate(nodes) if node is one) for one in kept]
    assert places == sorted(set(places))
    assert max_k is None or len(kept) <= max_k
    assert budget is None or 5 * len(kept) <= budget
    assert budget is not None or len(kept) >= min(min_k, len(nodes))
    left = [node.score for at, node in enumerate(nodes) if at not in places and node.score is not None]
    if unscored == "drop":
        assert all(node.score is not None and node.score >= max(left) for node in kept if left)


class TestTokenBudget:
    def test_keeps_whole_passages_best_first_up_to_the_first_that_does_not_fit(self) -> None:
        nodes = passages(0.9, 0.7, 0.8)
        nodes[2].node = TextNode(id_="2", text="much longer than any of the others are in here")
        select = AdaptiveTopK(FixedK(3), token_budget=12, tokenizer=str.split)
        # The second best does not fit, so the third best, which would, does not overtake it.
        assert ids(select.postprocess_nodes(nodes)) == ["0"]

    def test_exactly_full_fits(self) -> None:
        select = AdaptiveTopK(FixedK(3), token_budget=10, tokenizer=str.split)
        assert len(select.postprocess_nodes(passages(0.9, 0.8, 0.7))) == 2

    def test_goes_before_min_k(self) -> None:
        select = AdaptiveTopK(FixedK(3), min_k=1, token_budget=4, tokenizer=str.split)
        event = only_event(lambda: select.postprocess_nodes(passages(0.9, 0.8)))
        assert (event.n_kept, event.limit, event.tokens) == (0, "token_budget", 0)

    def test_counts_the_metadata_an_llm_is_given(self) -> None:
        nodes = passages(0.9)
        nodes[0].node.metadata = {"title": "a title"}
        select = AdaptiveTopK(FixedK(1), token_budget=5, tokenizer=str.split)
        assert select.postprocess_nodes(nodes) == []

    def test_counts_with_llama_index_tokens_by_default_and_offline(self) -> None:
        select = AdaptiveTopK(FixedK(3), token_budget=10)
        assert only_event(lambda: select.postprocess_nodes(passages(0.9, 0.8, 0.7))).tokens == 10


class TestUnscored:
    def test_where_none_has_a_score_all_are_kept_in_their_order(self) -> None:
        nodes = passages(None, None, None)
        assert AdaptiveTopK(ExpectedF1()).postprocess_nodes(nodes) == nodes
        assert only_event(lambda: AdaptiveTopK(ExpectedF1()).postprocess_nodes(nodes)).limit == "no scores"

    def test_where_none_has_a_score_max_k_and_the_budget_still_hold(self) -> None:
        nodes = passages(None, None, None)
        assert ids(AdaptiveTopK(ExpectedF1(), max_k=2).postprocess_nodes(nodes)) == ["0", "1"]
        select = AdaptiveTopK(ExpectedF1(), token_budget=5, tokenizer=str.split)
        assert ids(select.postprocess_nodes(nodes)) == ["0"]

    def test_among_scored_ones_they_are_dropped_but_fill_up_to_min_k(self) -> None:
        nodes = passages(None, 0.9, None, 0.1)
        assert ids(AdaptiveTopK(Threshold()).postprocess_nodes(nodes)) == ["1"]
        assert ids(AdaptiveTopK(Threshold(), min_k=3).postprocess_nodes(nodes)) == ["0", "1", "3"]

    def test_they_are_kept_on_request(self) -> None:
        nodes = passages(None, 0.9, None, 0.1)
        select = AdaptiveTopK(Threshold(), unscored="keep")
        assert ids(select.postprocess_nodes(nodes)) == ["0", "1", "2"]
        assert ids(AdaptiveTopK(Threshold(), max_k=2, unscored="keep").postprocess_nodes(nodes)) == ["0", "1"]

    def test_the_event_counts_them(self) -> None:
        event = only_event(lambda: AdaptiveTopK(Threshold(), min_k=2).postprocess_nodes(passages(0.9, None, None)))
        assert (event.n_given, event.n_kept, event.n_unscored, event.n_unscored_kept) == (3, 2, 2, 1)


def test_event_names_the_policy_and_its_settings() -> None:
    event = only_event(lambda: AdaptiveTopK(ExpectedF1(beta=2)).postprocess_nodes(passages(0.9)))
    assert (event.policy["name"], event.policy["beta"]) == ("expected-f1", 2)


def test_sync_and_async_select_the_same() -> None:
    nodes, select = passages(0.9, 0.8, None, 0.1), AdaptiveTopK(min_k=3)
    assert asyncio.run(select.apostprocess_nodes(nodes)) == select.postprocess_nodes(nodes)


class TooMany:
    def keep(self, probabilities: Sequence[float]) -> int:
        return len(probabilities) + 1


class NoNumber:
    def keep(self, probabilities: Sequence[float]) -> Any:
        return None


@pytest.mark.parametrize("policy", [TooMany(), NoNumber()])
def test_a_policy_that_returns_no_number_of_candidates_is_named(policy: Any) -> None:
    with pytest.raises(BadInput, match=rf"{type(policy).__name__}.keep returned"):
        AdaptiveTopK(policy).postprocess_nodes(passages(0.9))


def test_a_policy_of_ones_own_works_but_cannot_be_written_down() -> None:
    class First:
        def keep(self, probabilities: Sequence[float]) -> int:
            return min(1, len(probabilities))

    select = AdaptiveTopK(First())
    assert only_event(lambda: select.postprocess_nodes(passages(0.2, 0.1))).policy == {"name": "First"}
    with pytest.raises(UnknownComponent, match="First has no name as a policy"):
        select.to_json()


def test_scores_that_are_no_probabilities_are_refused_with_the_remedy() -> None:
    with pytest.raises(BadInput, match="put a Reranker before this policy"):
        AdaptiveTopK(ExpectedF1()).postprocess_nodes(passages(12.5, 3.0))


def test_an_unfitted_policy_is_refused_when_used() -> None:
    with pytest.raises(NotFitted):
        AdaptiveTopK(RecallGuarantee(0.1)).postprocess_nodes(passages(0.5))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_k": -1}, "min_k is -1"),
        ({"max_k": 0}, "max_k is 0"),
        ({"max_k": -3}, "max_k is -3"),
        ({"max_k": 2.5}, "max_k is 2.5"),
        ({"min_k": 4, "max_k": 3}, "max_k is 3, less than min_k, which is 4"),
        ({"token_budget": 0}, "token_budget is 0"),
        ({"unscored": "lose"}, "unscored is 'lose'"),
        ({"policy": 5}, "the policy is 5"),
        ({"policy": ExpectedF1}, "it must be an object"),
        ({"policy": {"beta": 2}}, "needs a name"),
        ({"policy": {"name": "expected-f1", "gamma": 2}}, "gamma"),
        ({"tokenizer": 5}, "tokenizer is 5"),
    ],
)
def test_wrong_settings_are_refused_with_their_value(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(BadSetting, match=message):
        AdaptiveTopK(**settings)


def test_a_refused_assignment_changes_nothing() -> None:
    select = AdaptiveTopK(max_k=5)
    with pytest.raises(BadSetting, match="less than min_k"):
        select.min_k = 6
    assert (select.min_k, select.max_k) == (0, 5)
    select.min_k = 2
    assert select.min_k == 2


def test_a_policy_may_be_assigned_by_name_and_a_callback_manager_as_it_is() -> None:
    select, manager = AdaptiveTopK(), CallbackManager()
    select.policy = "fixed-k"
    assert select.policy == FixedK()
    select.callback_manager = manager
    assert select.callback_manager is manager


def test_unknown_policy_name_is_refused() -> None:
    with pytest.raises(UnknownComponent, match="known: expected-f1"):
        AdaptiveTopK("nope")


@pytest.mark.parametrize(
    "select",
    [
        AdaptiveTopK(),
        AdaptiveTopK(RecallGuarantee(0.1, 0.25, 40), min_k=1, max_k=8, token_budget=4000, unscored="keep"),
        AdaptiveTopK({"name": "z-cut", "z": 1.0, "floor": None}),
    ],
)
def test_written_and_pickled_it_comes_back_the_same(select: AdaptiveTopK) -> None:
    for copy in (AdaptiveTopK.from_json(select.to_json()), pickle.loads(pickle.dumps(select))):  # noqa: S301
        assert copy.to_dict() == select.to_dict()
        assert copy.policy == select.policy
