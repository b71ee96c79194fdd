"""A Candidate carries its hits through everything that LlamaIndex does with retrieved nodes."""

import asyncio
import copy
import json
import math
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.instrumentation.events.retrieval import RetrievalEndEvent
from llama_index.core.postprocessor import LongContextReorder, SimilarityPostprocessor
from llama_index.core.schema import (
    BaseNode,
    Document,
    ImageDocument,
    ImageNode,
    IndexNode,
    MediaResource,
    Node,
    NodeWithScore,
    QueryBundle,
    TextNode,
)
from pydantic import ValidationError

from tamis.models.scorer import Hit
from tamis.nodes import Candidate, content_of, evidence_of, finite, lost_images, rescored

PNG = b"\x89PNG\r\n\x1a\n\0\0"
HITS = {"dense": Hit(0.5, 2, 1.0, "all-MiniLM-L6-v2"), "bm25": Hit(7.25, None, 12.5), "image": Hit(None)}
NODES: list[BaseNode] = [
    TextNode(text="bus", id_="a", metadata={"page": 3}, embedding=[0.25, 0.5]),
    ImageNode(text="bus", id_="b", image="iVBORw0KGgo=", text_embedding=[0.5, 0.25]),
    ImageNode(text="bus", id_="c", image_path="bus.png", image_url="http://images.example/"),
    Node(id_="d", text_resource=MediaResource(text="bus"), image_resource=MediaResource(data=PNG)),
    Node(id_="e", audio_resource=MediaResource(data=b"\xffsound"), video_resource=MediaResource(data=b"\xffmoves")),
    IndexNode(text="bus", id_="f", index_id="x"),
    IndexNode(text="bus", id_="g", index_id="x", obj=TextNode(text="inner", id_="h")),
    Document(text="bus", id_="i"),
    ImageDocument(text="bus", id_="j", image="iVBORw0KGgo="),
]
by_class = pytest.mark.parametrize("node", NODES, ids=lambda node: f"{node.class_name()} {node.node_id}")


@by_class
def test_a_candidate_survives_json_with_its_node_of_the_same_class(node: BaseNode) -> None:
    candidate = Candidate(node=node, score=0.5, hits=HITS)
    for back in (
        Candidate.from_dict(candidate.to_dict()),
        Candidate.from_json(candidate.to_json()),
        Candidate.from_dict(json.loads(json.dumps(candidate.to_dict()))),
        Candidate.model_validate_json(candidate.model_dump_json()),
    ):
        assert type(back.node) is type(node)
        assert back.node == node
        assert back.node.hash == node.hash
        assert content_of(back) == content_of(node)
        assert lost_images(back) == lost_images(node)
        assert back.hits == HITS
        assert all(type(hit) is Hit for hit in back.hits.values())
        assert back == candidate


def test_the_text_embedding_of_an_image_node_is_kept() -> None:
    candidate = Candidate(node=NODES[1], score=0.5)
    back = Candidate.from_json(candidate.to_json()).node
    assert isinstance(back, ImageNode)
    assert back.text_embedding == [0.5, 0.25]


@by_class
def test_a_candidate_survives_pickle_and_copies(node: BaseNode) -> None:
    candidate = Candidate(node=node, score=0.5, hits=HITS)
    pickled = pickle.loads(pickle.dumps(candidate))  # noqa: S301
    for back in (pickled, copy.copy(candidate), copy.deepcopy(candidate), candidate.model_copy()):
        assert type(back) is Candidate
        assert (back, back.hits) == (candidate, HITS)


def test_a_node_class_of_the_users_own_survives_too() -> None:
    class Recipe(TextNode):
        minutes: int = 0

        @classmethod
        def class_name(cls) -> str:
            return "Recipe"

    back = Candidate.from_json(Candidate(node=Recipe(text="soup", minutes=20)).to_json())
    assert isinstance(back.node, Recipe)
    assert back.node.minutes == 20


@pytest.mark.parametrize("name", ["NoSuchNode", None, 3, "NodeWithScore"])
def test_a_written_node_of_an_unknown_class_is_refused_by_name(name: object) -> None:
    written = Candidate(node=TextNode(text="bus")).to_dict()
    written["node"]["class_name"] = name
    with pytest.raises(ValidationError, match="no kind of node is called"):
        Candidate.from_dict(written)


def test_the_class_has_a_name_of_its_own() -> None:
    assert Candidate.class_name() == Candidate(node=TextNode()).to_dict()["class_name"] == "Candidate"


ODD_SCORES: list[Any] = [np.float32(0.5), np.float64(0.5), np.array(0.5), Fraction(1, 2)]


@pytest.mark.parametrize("score", ODD_SCORES, ids=lambda score: type(score).__name__)
def test_scores_become_python_floats_when_made_and_when_assigned(score: Any) -> None:
    """LlamaIndex takes any object on assignment, and to_json raises later."""
    candidate = Candidate(node=TextNode(), score=score, hits={"dense": Hit(score, np.int64(1), score)})  # type: ignore[arg-type]
    assigned = Candidate(node=TextNode())
    assigned.score = score
    again = rescored(NodeWithScore(node=TextNode()), score)
    for found in (candidate.score, assigned.score, again.score, *candidate.hits["dense"][:1]):
        assert type(found) is float
        assert found == 0.5
    assert type(candidate.hits["dense"].rank) is int
    for scored in (candidate, assigned, again):
        json.loads(scored.to_json())


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, np.float32("nan"), None])
def test_a_score_that_is_no_number_is_none_and_never_zero(score: Any) -> None:
    candidate = Candidate(node=TextNode(), score=score, hits={"dense": Hit(score)})
    assert candidate.score is None
    assert candidate.hits["dense"].score is None
    candidate.score = 0.5
    candidate.score = score
    assert candidate.score is None
    assert rescored(NodeWithScore(node=TextNode(), score=0.5), score).score is None
    assert finite(score) is None


@pytest.mark.parametrize("score", [0, 0.0, -0.0, np.float32(0)])
def test_zero_is_a_score(score: Any) -> None:
    assert Candidate(node=TextNode(), score=score).score == 0.0
    assert rescored(NodeWithScore(node=TextNode(), score=0.5), score).score == 0.0


@pytest.mark.parametrize(
    "hits",
    [
        3,
        {"dense": 3},
        {"dense": []},
        {"dense": [1, 2, 3, 4, 5]},
        {"dense": "ab"},
        {"dense": {"x": 1}},
        {"dense": [[]]},
        {"dense": [1, 1.5]},
    ],
)
def test_hits_of_another_shape_are_refused(hits: Any) -> None:
    with pytest.raises(ValidationError):
        Candidate(node=TextNode(), hits=hits)


@pytest.mark.parametrize("score", ["high", [0.5], {}, 10**400])
def test_a_score_that_is_no_number_at_all_is_refused(score: Any) -> None:
    with pytest.raises(ValidationError):
        Candidate(node=TextNode(), score=score)


def test_hits_are_read_from_lists_and_dicts() -> None:
    hits: Any = {"dense": [0.5, 1], "bm25": {"score": 3, "ceiling": 4}}
    assert Candidate(node=TextNode(), hits=hits).hits == {"dense": Hit(0.5, 1), "bm25": Hit(3.0, None, 4.0)}


class Fixed(BaseRetriever):
    """Returns what it was given."""

    def __init__(self, found: list[NodeWithScore]) -> None:
        super().__init__()
        self._found = found

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return self._found


def some_candidates(count: int = 6) -> list[NodeWithScore]:
    return [
        Candidate(node=TextNode(text="bus", id_=str(rank)), score=1 / rank, hits={"dense": Hit(1 / rank, rank)})
        for rank in range(1, count + 1)
    ]


def test_candidates_pass_through_retrievers_and_postprocessors_as_the_same_objects() -> None:
    found = some_candidates()
    identities = {id(candidate) for candidate in found}
    retrieved = Fixed(found).retrieve("what?")
    assert retrieved == asyncio.run(Fixed(found).aretrieve("what?")) == found
    kept = SimilarityPostprocessor(similarity_cutoff=0.2).postprocess_nodes(retrieved, query_str="what?")
    ordered = LongContextReorder().postprocess_nodes(kept, query_str="what?")
    assert len(ordered) == 5
    assert {id(candidate) for candidate in ordered} <= identities
    for candidate in ordered:
        assert evidence_of(candidate)["dense"].rank == int(candidate.node_id)
    event = RetrievalEndEvent(str_or_query_bundle="what?", nodes=retrieved)
    assert [id(node) for node in event.nodes] == [id(node) for node in retrieved]
    json.dumps(event.model_dump(mode="json"))


def test_a_plain_node_has_no_evidence() -> None:
    assert evidence_of(NodeWithScore(node=TextNode(), score=0.5)) == {}
    assert evidence_of(Candidate(node=TextNode())) == {}


@given(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), st.floats(-1, 1))
def test_rescoring_makes_a_new_object_and_leaves_the_old_one_alone(before: float | None, after: float) -> None:
    for node in (NodeWithScore(node=NODES[0], score=before), Candidate(node=NODES[0], score=before, hits=HITS)):
        written = node.to_json()
        result = rescored(node, after)
        assert type(result) is type(node)
        assert result is not node
        assert result.node is node.node
        assert result.score == after
        assert evidence_of(result) == evidence_of(node)
        assert node.to_json() == written


def test_the_hits_of_a_rescored_candidate_are_its_own() -> None:
    before = Candidate(node=NODES[0], hits=HITS)
    rescored(before, 0.5).hits["new"] = Hit(1.0)
    assert before.hits == HITS


def test_rescoring_keeps_what_other_subclasses_add() -> None:
    class Judged(NodeWithScore):
        verdict: str = ""

    result = rescored(Judged(node=NODES[0], verdict="good"), 0.5)
    assert (type(result), result.verdict) == (Judged, "good")


def test_making_and_rescoring_a_candidate_leaves_the_node_alone() -> None:
    node = NODES[0]
    before = node.to_json()
    candidate = rescored(Candidate(node=node, score=1.0, hits=HITS), 0.5)
    assert candidate.node is node
    assert node.to_json() == before
