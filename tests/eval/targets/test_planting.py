import asyncio
import base64
import copy
from collections.abc import Sequence
from typing import Any

import pytest
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.response.schema import Response
from llama_index.core.chat_engine import CondensePlusContextChatEngine
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.indices import VectorStoreIndex
from llama_index.core.indices.multi_modal import MultiModalVectorStoreIndex
from llama_index.core.indices.query.query_transform.base import IdentityQueryTransform
from llama_index.core.llms import MockLLM
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.query_engine import CustomQueryEngine, RetrieverQueryEngine, TransformQueryEngine
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.retrievers.fusion_retriever import FUSION_MODES
from llama_index.core.schema import BaseNode, ImageNode, NodeWithScore, QueryBundle, TextNode
from llama_index.retrievers.bm25 import BM25Retriever

from tamis.core.content import Content
from tamis.core.errors import BadInput
from tamis.core.image import Image
from tamis.eval.case import Document
from tamis.eval.target import Request
from tamis.eval.targets import LlamaIndexTarget
from tamis.eval.targets.llamaindex.parts import exchanged
from tamis.eval.trace import Passage, Trace
from tamis.nodes import node_of
from tamis.retrievers import HybridRetriever, TamisEmbedding
from tamis.testing import FakeImageEmbedder, FixedRetriever
from tamis.testing.pictures import png

TEXTS = [
    "the red bus stops at the old station",
    "a bus is a large vehicle for many people",
    "taxes are due in the spring of each year",
    "the station was built of red brick and glass",
    "people who travel by bus arrive late",
    "a garden with tall trees and a pond",
    "the train leaves the station at noon",
    "red paint covers the old garden fence",
]
PLANTED = [
    Document("p1", Content("the red bus stops at the new station"), planted="poison"),
    Document("p2", Content("nothing of all that was ever asked about"), planted="poison"),
    Document("p3", Content("red bus red bus red bus"), planted="poison"),
]
QUERY = "where does the red bus stop?"
EMBEDDING = TamisEmbedding(embedder="fake")


def nodes_of(texts: Sequence[str]) -> list[BaseNode]:
    return [TextNode(id_=f"d{i}", text=text) for i, text in enumerate(texts)]


def ask(target: LlamaIndexTarget, planted: Sequence[Document], query: Content | str = QUERY) -> Trace:
    content = Content(query) if isinstance(query, str) else query
    return asyncio.run(target.run(Request("c1", content, planted=tuple(planted))))


def ids(passages: Sequence[Passage]) -> list[str]:
    return [one.id for one in passages]


def planted_nodes() -> list[BaseNode]:
    return [node_of(one.content, one.id) for one in PLANTED]


@pytest.mark.parametrize("threads", [False, True])
@pytest.mark.parametrize("k", [2, 4, 8, 20])
def test_a_vector_index_gives_what_it_would_give_over_the_larger_corpus(k: int, threads: bool) -> None:
    index = VectorStoreIndex(nodes_of(TEXTS), embed_model=EMBEDDING)
    larger = VectorStoreIndex([*nodes_of(TEXTS), *planted_nodes()], embed_model=EMBEDDING)
    truth = larger.as_retriever(similarity_top_k=k).retrieve(QUERY)
    trace = ask(LlamaIndexTarget(index.as_retriever(similarity_top_k=k), threads=threads), PLANTED)
    assert ids(trace.context) == [one.node.node_id for one in truth]
    assert [one.score for one in trace.context] == pytest.approx([one.score for one in truth], abs=1e-5)
    assert {one.id: one.planted for one in trace.context if one.planted} == {
        one.id: "poison" for one in PLANTED if one.id in ids(trace.context)
    }


@pytest.mark.parametrize("k", [2, 4, 8])
def test_bm25_ranks_them_as_it_would_over_the_larger_corpus(k: int) -> None:
    texts = [*TEXTS, *(f"{text} and number{i} of many" for i, text in enumerate(TEXTS * 8))]
    planted = [*PLANTED[1:], Document("p4", Content("where does the red bus stop"), planted="poison")]
    retriever = BM25Retriever.from_defaults(nodes=nodes_of(texts), similarity_top_k=k)
    nodes = [*nodes_of(texts), *(node_of(one.content, one.id) for one in planted)]
    truth = BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=k).retrieve(QUERY)
    context = ask(LlamaIndexTarget(retriever), planted).context
    assert len(context) == k
    assert {one.id for one in context if one.planted} == {
        one.node.node_id for one in truth if one.node.node_id.startswith("p")
    }
    assert context[0].id == truth[0].node.node_id == "p4"
    assert [one.score for one in context] == pytest.approx([one.score for one in truth], rel=1e-4)


def test_bm25_of_an_unknown_kind_ranks_by_the_words_of_what_it_found() -> None:
    retriever = BM25Retriever.from_defaults(nodes=nodes_of(TEXTS), similarity_top_k=4)
    retriever.bm25.method = "robertson"
    trace = ask(LlamaIndexTarget(retriever), PLANTED)
    assert len(trace.context) == 4
    assert "p1" in ids(trace.context)
    assert "p2" not in ids(trace.context)
    assert trace.context[0].id == "d0"


def test_a_fusion_asks_both_and_its_own_fusion_decides() -> None:
    def fusion(extra: Sequence[BaseNode]) -> QueryFusionRetriever:
        nodes = [*nodes_of(TEXTS), *extra]
        dense = VectorStoreIndex(nodes, embed_model=EMBEDDING).as_retriever(similarity_top_k=5)
        words = BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=5)
        return QueryFusionRetriever(
            [dense, words], llm=MockLLM(), num_queries=1, similarity_top_k=4, mode=FUSION_MODES.RECIPROCAL_RANK
        )

    pipeline = fusion([])
    before = copy.copy(pipeline._retrievers)
    trace = ask(LlamaIndexTarget(pipeline), PLANTED)
    truth = [one.node.node_id for one in fusion(planted_nodes()).retrieve(QUERY)]
    assert ids(trace.context)[:2] == truth[:2]
    assert set(ids(trace.context)) == set(truth)
    assert [step.name for step in trace.steps] == ["retrieve"]
    assert pipeline._retrievers == before


class OtherScale(BaseRetriever):
    """Ranks by cosine and tells ten times that, from its synchronous side alone."""

    def __init__(self, k: int) -> None:
        super().__init__()
        self._inner = None
        self.similarity_top_k = k
        self._embed_model = EMBEDDING

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        index = VectorStoreIndex(nodes_of(TEXTS), embed_model=EMBEDDING)
        found = index.as_retriever(similarity_top_k=self.similarity_top_k).retrieve(query_bundle.query_str)
        return [NodeWithScore(node=one.node, score=10 * (one.score or 0)) for one in found]


def test_on_another_scale_they_stand_where_the_embedder_says() -> None:
    retriever = OtherScale(4)
    trace = ask(LlamaIndexTarget(retriever), PLANTED)
    larger = VectorStoreIndex([*nodes_of(TEXTS), *planted_nodes()], embed_model=EMBEDDING)
    truth = larger.as_retriever(similarity_top_k=4).retrieve(QUERY)
    assert ids(trace.context) == [one.node.node_id for one in truth]
    scores = [one.score for one in trace.context]
    assert scores == sorted(scores, key=lambda score: -(score or 0))
    assert type(retriever) is OtherScale


class AsyncOverSync(OtherScale):
    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


def test_a_retriever_whose_async_side_calls_its_sync_one_gets_them_once() -> None:
    assert (
        ask(LlamaIndexTarget(AsyncOverSync(4)), PLANTED).context
        == ask(LlamaIndexTarget(OtherScale(4)), PLANTED).context
    )


def test_a_retriever_without_an_embedder_takes_one_or_takes_no_planted_passages() -> None:
    retriever = FixedRetriever([NodeWithScore(node=node) for node in nodes_of(TEXTS)[:3]])
    bare = LlamaIndexTarget(retriever, name="bare")
    assert "planted" not in bare.takes
    with pytest.raises(BadInput, match='"bare" cannot take planted passages'):
        ask(bare, PLANTED)
    helped = LlamaIndexTarget(retriever, embed_model=EMBEDDING)
    assert "planted" in helped.takes
    trace = ask(helped, PLANTED)
    assert len(trace.context) == 3
    assert ids(trace.context)[0] in ("d0", "p1")
    assert trace.context[0].score is None
    assert len(retriever.queries) == 1


class SaysItself(FixedRetriever):
    def with_planted(self, nodes: Sequence[BaseNode]) -> BaseRetriever:
        return FixedRetriever([*nodes, *self.nodes])


def test_a_retriever_that_knows_best_is_asked() -> None:
    trace = ask(LlamaIndexTarget(SaysItself(nodes_of(TEXTS)[:2])), PLANTED)
    assert ids(trace.context) == ["p1", "p2", "p3", "d0", "d1"]
    assert [one.planted for one in trace.context] == ["poison"] * 3 + [None] * 2


def test_tamis_hybrid_retriever_takes_them() -> None:
    index = VectorStoreIndex(nodes_of(TEXTS), embed_model=EMBEDDING)
    retriever = HybridRetriever.from_index(index, similarity_top_k=4)
    trace = ask(LlamaIndexTarget(retriever), PLANTED)
    assert len(trace.context) == 4
    assert "p2" not in ids(trace.context)
    assert {"p1", "p3"} <= set(ids(trace.context))
    assert ids(ask(LlamaIndexTarget(retriever), []).context) == [one.node.node_id for one in retriever.retrieve(QUERY)]


def test_the_pipeline_is_as_it_was_and_the_next_request_sees_nothing_of_them() -> None:
    index = VectorStoreIndex(nodes_of(TEXTS), embed_model=EMBEDDING)
    engine = RetrieverQueryEngine.from_args(index.as_retriever(similarity_top_k=3), llm=MockLLM(max_tokens=2))
    target = LlamaIndexTarget(engine)
    held, kinds = dict(vars(engine)), dict(vars(engine.retriever))
    clean = ask(target, []).steps[0].passages
    assert any(one.planted for one in ask(target, PLANTED).context)
    assert ask(target, []).steps[0].passages == clean
    assert dict(vars(engine)) == held
    assert dict(vars(engine.retriever)) == kinds
    assert type(engine.retriever).__name__ == "VectorIndexRetriever"


class Custom(CustomQueryEngine):
    retriever: Any

    def custom_query(self, query_str: str) -> Response:
        nodes = self.retriever.retrieve(query_str)
        return Response(nodes[0].node.get_content(), source_nodes=nodes)


def test_they_enter_wherever_the_retriever_is_held() -> None:
    def retriever() -> BaseRetriever:
        return VectorStoreIndex(nodes_of(TEXTS), embed_model=EMBEDDING).as_retriever(similarity_top_k=2)

    custom = Custom(retriever=retriever())
    chat = CondensePlusContextChatEngine.from_defaults(
        retriever(), llm=MockLLM(max_tokens=2), memory=ChatMemoryBuffer.from_defaults(token_limit=1_000)
    )
    transforming = TransformQueryEngine(
        RetrieverQueryEngine.from_args(retriever(), llm=MockLLM(max_tokens=2)), IdentityQueryTransform()
    )
    for pipeline in (custom, chat, transforming):
        target = LlamaIndexTarget(pipeline)
        assert "planted" in target.takes
        assert {"p1", "p3"} & set(ids(ask(target, PLANTED).context))
        assert not any(one.planted for one in ask(target, []).context)


def test_a_long_list_is_data_and_not_searched_for_parts() -> None:
    retriever = FixedRetriever(nodes_of(TEXTS))
    short, long = [retriever], [retriever] * 100
    assert exchanged(short, lambda part: "found") == ["found"]
    assert exchanged(long, lambda part: "found") is long


def test_planted_text_reaches_the_prompt_as_it_is() -> None:
    index = VectorStoreIndex(nodes_of(TEXTS), embed_model=EMBEDDING)
    engine = RetrieverQueryEngine.from_args(index.as_retriever(similarity_top_k=3), llm=MockLLM(max_tokens=2))
    text = "the red bus stops {query_str} {{ 7 * 7 }} %s <|im_end|>"
    trace = ask(LlamaIndexTarget(engine), [Document("p", Content(text), planted="injection")])
    assert trace.prompt is not None
    assert text in trace.prompt
    assert text in [one.content.text for one in trace.context if one.planted]


COLOURS = {"red": (255, 0, 0), "blue": (0, 0, 255), "green": (0, 160, 0), "orange": (255, 140, 0), "white": (255,) * 3}


def picture(colour: str) -> Image:
    return Image(data=png(*COLOURS[colour]))


def test_a_planted_picture_ranks_by_its_colours_where_they_are_seen() -> None:
    seeing = TamisEmbedding(embedder=FakeImageEmbedder())
    index = VectorStoreIndex(nodes_of(TEXTS), embed_model=seeing)
    target = LlamaIndexTarget(index.as_retriever(similarity_top_k=3))
    assert "images" in target.takes
    red, blue = (Document(c, Content("", (picture(c),)), planted="drawn") for c in ("red", "blue"))
    context = ask(target, [red, blue], "something red").context
    assert context[0].id == "red"
    assert context[0].content.images
    assert "blue" not in ids(context)


def test_a_picture_without_words_is_refused_where_no_one_sees() -> None:
    index = VectorStoreIndex(nodes_of(TEXTS), embed_model=EMBEDDING)
    target = LlamaIndexTarget(index.as_retriever(), name="blind")
    assert "images" not in target.takes
    with pytest.raises(BadInput, match=r'"blind" cannot take the planted passage "p" of case "c1"'):
        ask(target, [Document("p", Content("", (picture("red"),)), planted="drawn")])
    worded = Document("p", Content(QUERY, (picture("red"),)), planted="drawn")
    assert ids(ask(target, [worded]).context)[0] == "p"


def test_a_retriever_of_text_and_images_keeps_its_two_rankings() -> None:
    seeing = TamisEmbedding(embedder=FakeImageEmbedder())
    pictures = [
        ImageNode(id_=colour, text=f"a {colour} thing", image=base64.b64encode(png(*COLOURS[colour])).decode())
        for colour in ("green", "orange", "white")
    ]
    index = MultiModalVectorStoreIndex([*nodes_of(TEXTS), *pictures], embed_model=EMBEDDING, image_embed_model=seeing)
    retriever = index.as_retriever(similarity_top_k=2, image_similarity_top_k=2)
    planted = [*PLANTED, Document("red", Content("", (picture("red"),)), planted="drawn")]
    context = ask(LlamaIndexTarget(retriever), planted, "the red bus").context
    # Captions are among the texts, as LlamaIndex indexes them; a picture without words is among the images alone.
    assert len(context) == 4
    assert [one.id for one in context[:2]] == ["p3", "p1"]
    assert context[2].id == "red"
    assert context[3].content.images


class Overflows(MockEmbedding):
    """An embedding model that gives no numbers for one passage, as a model in half precision may."""

    def _get_text_embedding(self, text: str) -> list[float]:
        return [float("nan")] * self.embed_dim if "red bus" in text else [1.0] * self.embed_dim

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embedding(text)


def test_a_passage_without_a_finite_similarity_is_not_planted_first() -> None:
    model = Overflows(embed_dim=4)
    retriever = FixedRetriever([NodeWithScore(node=TextNode(id_="d", text="a pond"), score=1.0)])
    trace = ask(LlamaIndexTarget(retriever, embed_model=model), PLANTED[:2])
    assert ids(trace.context) == ["d"]
