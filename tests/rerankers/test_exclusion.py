"""Exclusion queries: what their words say, their vectors, and rerankers that hold back what is not wanted."""

import asyncio
import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from numpy.typing import NDArray

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.core.image import Image
from tamis.models import Hit, LocalScorer
from tamis.nodes import Candidate, ContentBundle
from tamis.rerankers import Reranker
from tamis.rerankers.exclusion import (
    Exclusion,
    ExclusionBundle,
    excluding_query,
    parse_exclusion,
    penalties,
    perpendicular,
    without,
)
from tamis.rerankers.exclusion_reranker import ExclusionEvent, ExclusionReranker
from tamis.testing import FakeEmbedder, FakeScorer, check_postprocessor
from tamis.testing.recording import recording

vectors = st.lists(st.integers(-9, 9), min_size=3, max_size=3).filter(any).map(lambda one: np.array(one, dtype=float))
Vector = NDArray[np.float64]


def cosine(one: Vector, other: Vector) -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


class TestWords:
    @pytest.mark.parametrize(
        ("text", "wanted", "unwanted"),
        [
            ("jaguar the animal, but not the car", "jaguar the animal", "the car"),
            ("Jaguars but not about cars?", "Jaguars?", "cars"),
            ("python tutorials excluding snakes. For children.", "python tutorials. For children.", "snakes"),
            ("side effects of statins, except for muscle pain", "side effects of statins", "muscle pain"),
            ("treatments other than surgery", "treatments", "surgery"),
            ("capital of Australia, not Austria", "capital of Australia", "Austria"),
            ("red buses (but no lorries)", "red buses)", "lorries"),
            ("articles on bats not about baseball", "articles on bats", "baseball"),
            ("trees, not only oaks, but not pines", "trees, not only oaks", "pines"),
            ("what to eat except just nuts", "what to eat", "just nuts"),
            ("anything except nuts", "anything", "nuts"),
        ],
    )
    def test_what_excludes(self, text: str, wanted: str, unwanted: str) -> None:
        assert parse_exclusion(text) == Exclusion(wanted, unwanted)

    @pytest.mark.parametrize(
        "text",
        [
            "what is a jaguar?",
            "can one live without a kidney?",
            "to be or not to be",
            "not only cats but also dogs",
            "why do cats but not dogs purr?",
            "but not the car",
            "cars, but not",
            "cars, but not ?!",
            "is it contagious or not",
            "exceptional excluded notables",
            "is it open on Sundays, not just on Mondays?",
            "did she win, not even once?",
            "trees, not only oaks",
            "hotels but not necessarily cheap ones",
            "who won, not least in Rome?",
            "who won, not at least once?",
            "can I live if nothing except water is there?",
            "does nobody but not the king pay?",
            "is it true of no one except Tom?",
            "none other than the king",
            "",
        ],
    )
    def test_what_does_not(self, text: str) -> None:
        assert parse_exclusion(text) is None

    @given(st.text(alphabet="abut not,.?!()exc ", max_size=60))
    def test_any_text_is_taken(self, text: str) -> None:
        found = parse_exclusion(text)
        if found is not None:
            assert found.wanted.strip()
            assert found.unwanted in text


class TestVectors:
    @given(vectors, vectors)
    def test_what_is_taken_away_stands_at_a_right_angle(self, query: Vector, unwanted: Vector) -> None:
        part = perpendicular(unwanted, query)
        assert float(part @ query) == pytest.approx(0, abs=1e-9)
        assert np.linalg.norm(without(query, unwanted)) == pytest.approx(1)

    @given(vectors, st.floats(-5, 5).filter(bool), st.floats(0, 3))
    def test_parallel_changes_nothing(self, query: Vector, scale: float, weight: float) -> None:
        assert without(query, scale * query, weight) == pytest.approx(query / np.linalg.norm(query))
        assert penalties(np.eye(3), query, scale * query).tolist() == [0.0] * 3

    @given(vectors, vectors, st.floats(0, 3))
    def test_orthogonal_is_plain_subtraction(self, query: Vector, other: Vector, weight: float) -> None:
        unwanted = perpendicular(other, query)
        plain = query - weight * unwanted
        assert without(query, unwanted, weight) == pytest.approx(plain / np.linalg.norm(plain))

    def test_what_is_about_the_unwanted_falls_and_what_is_about_both_falls_less_than_with_subtraction(self) -> None:
        # Wanted and unwanted overlap: an animal, and a car of the same name.
        query, unwanted = np.array([1.0, 1.0, 0.0]) / 2**0.5, np.array([1.0, 0.0, 1.0]) / 2**0.5
        of_query, of_unwanted = np.array([0.6, 0.8, 0.0]), np.array([0.3, 0.0, 1.0])
        of_both = query + unwanted
        turned, plain = without(query, unwanted, 0.5), query - 0.5 * unwanted
        fall = cosine(of_both, query) - cosine(of_both, turned)
        assert 0 < fall < cosine(of_both, query) - cosine(of_both, plain)
        assert cosine(of_unwanted, turned) < cosine(of_unwanted, query)
        lost = penalties(np.stack([of_query, of_unwanted, of_both]), query, unwanted, 0.5)
        assert lost[1] > lost[2] > lost[0] == 0.0
        assert lost.max() <= 0.5

    def test_a_rank_of_planted_documents(self) -> None:
        rng = np.random.default_rng(0)
        query, unwanted = np.eye(16)[0] + 0.5 * np.eye(16)[1], np.eye(16)[1] + np.eye(16)[2]
        noise = 0.1 * rng.normal(size=(60, 16))
        documents = np.concatenate([query + noise[:20], unwanted + noise[20:40], 0.5 * np.eye(16)[5] + noise[40:]])
        before, after = (
            np.argsort(np.argsort(-np.array([cosine(one, side) for one in documents])))
            for side in (query, without(query, unwanted, 1.0))
        )
        assert sorted(before[:20]) == sorted(after[:20]) == list(range(20))
        # Those about the unwanted only fall behind those about neither.
        assert before[20:40].mean() < before[40:].mean()
        assert after[20:40].mean() > after[40:].mean()

    @pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
    def test_a_wrong_weight_is_refused(self, weight: float) -> None:
        with pytest.raises(BadSetting, match="weight"):
            without(np.ones(2), np.ones(2), weight)


class TestQueries:
    def test_the_embedding_is_turned_and_the_words_are_the_wanted_ones(self) -> None:
        embedder, query = FakeEmbedder(), QueryBundle("a red bus, but not a lorry", image_path="bus.png")
        before = copy.deepcopy(query)
        found = excluding_query(query, embedder)
        assert isinstance(found, ExclusionBundle)
        assert (found.query_str, found.exclude, found.image_path) == ("a red bus", "a lorry", "bus.png")
        wanted, unwanted = embedder.embed([Content("a red bus"), Content("a lorry")], "query").astype(float)
        assert found.embedding == pytest.approx(without(wanted, unwanted).tolist())
        assert query == before

    def test_said_apart_goes_before_words_and_settings(self) -> None:
        said = ExclusionBundle("a red bus, but not a lorry", exclude="a tram")
        assert excluding_query(said, FakeEmbedder(), "a car").query_str == "a red bus, but not a lorry"
        found = excluding_query("a red bus", FakeEmbedder(), "a car")
        assert isinstance(found, ExclusionBundle)
        assert (found.query_str, found.exclude) == ("a red bus", "a car")

    def test_a_query_that_excludes_nothing_stays_as_it_is(self) -> None:
        query = QueryBundle("a red bus")
        assert excluding_query(query, FakeEmbedder()) is query

    def test_images_and_a_vector_stay(self) -> None:
        query = ContentBundle("a bus, but not red", images=(Image(data=b"1"), Image(path="p")), embedding=[1.0] * 64)
        found = excluding_query(query, FakeEmbedder(dimensions=64))
        assert isinstance(found, ExclusionBundle)
        assert found.images == query.images
        unwanted = FakeEmbedder(dimensions=64).embed([Content("red")], "query")[0].astype(float)
        assert found.embedding == pytest.approx(without(np.ones(64), unwanted).tolist())


def passages(*texts: str) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(id_=text, text=text), score=0.5) for text in texts]


def ids(nodes: Sequence[NodeWithScore]) -> list[str]:
    return [node.node_id for node in nodes]


@dataclass
class Topics(LocalScorer):
    """Log-odds by query and passage; whatever it is asked and does not know is None."""

    known: dict[str, dict[str, float]]

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        return [self.known[query.text].get(passage.text) for passage in passages]


ASKED = "jaguars, but not cars"
TOPICS = Topics({"jaguars": {"cat": 2.0, "both": 3.0, "car": 1.0}, "cars": {"cat": -4.0, "both": 1.0}})


class TestReranker:
    @pytest.mark.parametrize("settings", [{}, {"mode": "penalty", "embedder": "fake"}])
    def test_keeps_the_contract(self, settings: dict[str, Any]) -> None:
        report = check_postprocessor(
            ExclusionReranker(FakeScorer(), **settings),
            "reranker",
            query="how does a river carve a valley, but not a glacier",
            slow=ExclusionReranker(FakeScorer(delay_s=0.2), **settings),
            failing=ExclusionReranker(FakeScorer(error="down"), **settings),
        )
        assert report.failures == []

    def test_the_negative_question_is_asked(self) -> None:
        with recording() as seen:
            found = ExclusionReranker(TOPICS).postprocess_nodes(passages("car", "both", "cat"), query_str=ASKED)
        sigmoid = {one: 1 / (1 + np.exp(-one)) for one in (2.0, 3.0, 1.0, -4.0)}
        assert {node.node_id: node.score for node in found} == pytest.approx(
            {"cat": sigmoid[2.0] * (1 - sigmoid[-4.0]), "car": sigmoid[1.0], "both": sigmoid[3.0] * (1 - sigmoid[1.0])}
        )
        assert ids(found) == ["cat", "car", "both"]
        (event,) = [event for event in seen.events if isinstance(event, ExclusionEvent)]
        # Nobody knows whether "car" is about cars: it keeps what it has, and that is told.
        assert (event.wanted, event.unwanted, event.n_unjudged) == ("jaguars", "cars", 1)
        assert event.reasons == {"the scorer gave no score": 1}
        again = asyncio.run(
            ExclusionReranker(TOPICS).apostprocess_nodes(passages("car", "both", "cat"), query_str=ASKED)
        )
        assert [(one.node_id, one.score) for one in again] == [(one.node_id, one.score) for one in found]

    def test_a_query_that_excludes_nothing_is_reranked_as_ever(self) -> None:
        nodes = passages("a red bus", "a tram", "red")
        expected = Reranker(FakeScorer()).postprocess_nodes(nodes, query_str="a red bus")
        found = ExclusionReranker(FakeScorer()).postprocess_nodes(nodes, query_str="a red bus")
        assert [(one.node_id, one.score) for one in found] == [(one.node_id, one.score) for one in expected]

    def test_the_setting_and_the_bundle_say_it_too(self) -> None:
        nodes = passages("both", "cat")
        for reranker, query in (
            (ExclusionReranker(TOPICS, exclude="cars"), QueryBundle("jaguars")),
            (ExclusionReranker(TOPICS), ExclusionBundle("jaguars", exclude="cars")),
        ):
            assert ids(reranker.postprocess_nodes(nodes, query)) == ["cat", "both"]

    def test_evidence_of_the_query_is_none_of_the_unwanted_sides(self) -> None:
        class Aware(LocalScorer):
            def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
                raise AssertionError

            def score_evidence(self, query: Content, passages: Any, evidence: Any) -> list[float | None]:
                return [one["dense"].score if "dense" in one else -9.0 for one in evidence]

        nodes: list[NodeWithScore] = [Candidate(node=TextNode(text="x"), hits={"dense": Hit(5.0)})]
        (found,) = ExclusionReranker(Aware()).postprocess_nodes(nodes, query_str=ASKED)
        assert found.score == pytest.approx(0.9933 * (1 - 0.000123), abs=1e-4)
        assert isinstance(found, Candidate)
        assert found.hits == {"dense": Hit(5.0)}

    def test_the_penalty_is_that_of_the_vectors(self) -> None:
        embedder, nodes = FakeEmbedder(), passages("cat", "cars", " ")
        reranker = ExclusionReranker(FakeScorer({"cat": 0.0, "cars": 0.5}), "penalty", embedder=embedder, weight=0.8)
        found = {node.node_id: node.score for node in reranker.postprocess_nodes(nodes, query_str=ASKED)}
        wanted, unwanted = embedder.embed([Content("jaguars"), Content("cars")], "query").astype(float)
        lost = penalties(embedder.embed([Content("cat"), Content("cars")]).astype(float), wanted, unwanted, 0.8)
        assert lost[1] > 0.1
        assert found == pytest.approx({"cat": 0.5 - lost[0], "cars": max(0.0, 0.622459 - lost[1]), " ": None}, abs=1e-6)

    def test_an_embedder_that_fails_takes_nothing_away(self) -> None:
        class Broken(FakeEmbedder):
            def embed(self, contents: Any, role: Any = "passage") -> Any:
                raise RuntimeError("no vectors")

        reranker = ExclusionReranker(FakeScorer({"cat": 1.0, "cars": 2.0}), "penalty", embedder=Broken())
        with recording() as seen:
            found = reranker.postprocess_nodes(passages("cat", "cars"), query_str=ASKED)
        assert ids(found) == ["cars", "cat"]
        (event,) = [event for event in seen.events if isinstance(event, ExclusionEvent)]
        assert event.reasons == {"RuntimeError: no vectors": 2}

    def test_one_deadline_holds_for_both_sides(self) -> None:
        reranker = ExclusionReranker(FakeScorer({"a": 1.0}, delay_s=0.2), deadline_s=0.3)
        with recording() as seen:
            (found,) = reranker.postprocess_nodes(passages("a"), query_str=ASKED)
        assert found.score == pytest.approx(0.731059)
        (event,) = [event for event in seen.events if isinstance(event, ExclusionEvent)]
        assert event.n_unjudged == 1

    def test_a_penalty_needs_an_embedder(self) -> None:
        with pytest.raises(BadSetting, match="embedder"):
            ExclusionReranker(FakeScorer(), "penalty")
