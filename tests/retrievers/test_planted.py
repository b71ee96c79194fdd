"""Planted passages: a search finds them as it would had they been indexed, and the corpus stays as it was."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_index.core import VectorStoreIndex
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from tamis.retrievers import HybridRetriever, Store, TamisEmbedding
from tamis.testing import FakeEmbedder

TEXTS = {
    "bus": "the red bus stops at the market",
    "car": "a blue car was parked near the station",
    "tax": "the tax law of 1998 was repealed",
    "wine": "red wine goes with red meat",
    "rail": "the station has four platforms",
}
PLANTED = {
    "x1": "the red bus stops at the station",
    "x2": "red red red bus market",
    "car": "the car that stands in another's place: red",
}
WORDS = st.lists(
    st.sampled_from(["red", "bus", "market", "station", "tax", "wine", "law", "platforms", "1998", "blue"]), min_size=1
)


def nodes(texts: dict[str, str]) -> list[TextNode]:
    return [TextNode(id_=id, text=text) for id, text in texts.items()]


def told(found: list[NodeWithScore]) -> list[Any]:
    return [
        (
            one.node.node_id,
            pytest.approx(one.score, abs=1e-5),
            one.node.get_content(),
            {name: (pytest.approx(hit.score, abs=1e-4), hit.rank) for name, hit in one.hits.items()},  # type: ignore[attr-defined]
        )
        for one in found
    ]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store.open(tmp_path_factory.mktemp("small"), FakeEmbedder(), create=True)
    store.add(nodes(TEXTS))
    return store


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store.open(tmp_path_factory.mktemp("large"), FakeEmbedder(), create=True)
    store.add(nodes({**TEXTS, **PLANTED}))
    return store


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(words=WORDS, depth=st.integers(1, 9), fusion=st.sampled_from(["rrf", "calibrated"]))
def test_the_search_is_that_of_a_corpus_that_has_them(
    words: list[str], depth: int, fusion: str, small: Store, large: Store
) -> None:
    query = QueryBundle(" ".join(words))
    options = {"similarity_top_k": depth, "source_top_k": 6, "fusion": fusion}
    planted = HybridRetriever.from_store(small, **options).with_planted(nodes(PLANTED))  # type: ignore[arg-type]
    indexed = HybridRetriever.from_store(large, **options)  # type: ignore[arg-type]
    assert told(planted.retrieve(query)) == told(indexed.retrieve(query))


async def _async(retriever: HybridRetriever, query: QueryBundle) -> list[NodeWithScore]:
    return await retriever.aretrieve(query)


def test_asynchronously_too(small: Store) -> None:
    import asyncio

    planted = HybridRetriever.from_store(small).with_planted(nodes(PLANTED))
    query = QueryBundle("red bus")
    assert told(asyncio.run(_async(planted, query))) == told(planted.retrieve(query))


def test_over_an_index_of_llamaindex(small: Store) -> None:
    index = VectorStoreIndex(nodes(TEXTS), embed_model=TamisEmbedding(embedder=FakeEmbedder()))
    larger = VectorStoreIndex(nodes({**TEXTS, **PLANTED}), embed_model=TamisEmbedding(embedder=FakeEmbedder()))
    query = QueryBundle("red bus at the station")
    planted = HybridRetriever.from_index(index).with_planted(nodes(PLANTED)).retrieve(query)
    assert told(planted) == told(HybridRetriever.from_index(larger).retrieve(query))


def test_the_retriever_itself_finds_what_it_found_before(small: Store, tmp_path: Path) -> None:
    retriever = HybridRetriever.from_store(small)
    query = QueryBundle("red bus")
    before = told(retriever.retrieve(query))
    given_ = nodes(PLANTED)
    found = retriever.with_planted(given_).retrieve(query)
    found[0].node.metadata["changed"] = True
    assert told(retriever.retrieve(query)) == before
    assert small.corpus.count() == len(TEXTS)
    assert all(not node.metadata for node in given_)
