"""Hybrid retrieval: what it promises LlamaIndex and its users, sync and async alike."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_index.core import VectorStoreIndex
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import IndexNode, NodeWithScore, QueryBundle, TextNode
from llama_index.core.vector_stores import SimpleVectorStore
from llama_index.core.vector_stores.types import (
    ExactMatchFilter,
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryResult,
)

from tamis.core.errors import BadInput, BadSetting, StoreError
from tamis.nodes import Candidate
from tamis.retrievers import HybridRetriever, Store, TamisEmbedding
from tamis.testing import FakeEmbedder, FixedRetriever, check_retriever

TEXTS = {
    "bus": "the red bus stops at the market",
    "car": "a blue car was parked near the station",
    "tax": "the tax law of 1998 was repealed",
    "wine": "red wine goes with red meat",
    "rail": "the station has four platforms",
}


def passages() -> list[TextNode]:
    return [
        TextNode(
            id_=id,
            text=text,
            metadata={"kind": id[0], "size": len(text)},
            excluded_embed_metadata_keys=["kind", "size"],
        )
        for id, text in TEXTS.items()
    ]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store.open(tmp_path_factory.mktemp("store"), FakeEmbedder(), create=True)
    store.add(passages())
    return store


def ids(found: list[NodeWithScore]) -> list[str]:
    return [one.node.node_id for one in found]


def candidate(found: list[NodeWithScore], id: str) -> Candidate:
    [one] = [one for one in found if one.node.node_id == id]
    assert isinstance(one, Candidate)
    return one


def test_it_keeps_each_source_s_score_and_rank_beside_the_node(store: Store) -> None:
    found = store.retriever().retrieve("the red bus")
    best, wine, tax = found[0], candidate(found, "wine"), candidate(found, "tax")
    assert isinstance(best, Candidate)
    assert best.node.node_id == "bus"
    assert best.score == pytest.approx(2 / 61)
    assert best.hits["dense"].rank == best.hits["bm25"].rank == 1
    assert best.hits["dense"].model == "fake-64"
    assert best.hits["dense"].ceiling == 1.0
    assert wine.hits["bm25"].rank == 2
    assert tax.hits["bm25"] == (0.0, None, best.hits["bm25"].ceiling, "bm25")
    assert best.node.metadata == {"kind": "b", "size": len(TEXTS["bus"])}
    assert "score" not in str(best.node.metadata)
    for one in found:
        assert type(one.score) is float
        for hit in candidate(found, one.node.node_id).hits.values():
            assert type(hit.score) is float
    assert Candidate.from_json(best.to_json()).hits == best.hits


def test_scores_are_filled_in_for_passages_that_only_the_other_source_listed(store: Store) -> None:
    found = store.retriever(source_top_k=1).retrieve(QueryBundle("tax", embedding=_vector(TEXTS["bus"])))
    assert sorted(ids(found)) == ["bus", "tax"]
    tax, bus = candidate(found, "tax"), candidate(found, "bus")
    assert tax.hits["dense"].rank is None
    assert tax.hits["dense"].score == pytest.approx(_cosine(TEXTS["bus"], TEXTS["tax"]), abs=1e-5)
    assert bus.hits["bm25"].score == 0.0
    assert bus.hits["bm25"].rank is None


def _vector(text: str) -> list[float]:
    return TamisEmbedding(embedder=FakeEmbedder()).get_query_embedding(text)


def _cosine(one: str, other: str) -> float:
    return sum(a * b for a, b in zip(_vector(one), _vector(other), strict=True))


def test_sync_and_async_give_the_same(store: Store) -> None:
    for query in ("red bus", "the", "station 1998", "zzz"):
        for fusion in ("rrf", "calibrated"):
            retriever = store.retriever(fusion=fusion)
            sync, other = retriever.retrieve(query), asyncio.run(retriever.aretrieve(query))
            assert [(one.score, one.node.node_id) for one in sync] == [(one.score, one.node.node_id) for one in other]


def test_the_query_is_not_changed(store: Store) -> None:
    bundle = QueryBundle("red bus", custom_embedding_strs=["a bus", "something red"])
    store.retriever().retrieve(bundle)
    asyncio.run(store.retriever().aretrieve(bundle))
    assert bundle == QueryBundle("red bus", custom_embedding_strs=["a bus", "something red"])


def test_an_embedding_that_came_along_is_the_dense_query(store: Store) -> None:
    bundle = QueryBundle("tax", embedding=_vector("red wine"))
    found = store.retriever(weights={"bm25": 0}).retrieve(bundle)
    assert ids(found)[0] == "wine"
    assert bundle.embedding == _vector("red wine")
    assert candidate(found, "tax").hits["bm25"].rank == 1


@pytest.mark.parametrize("embedding", [[1.0, 2.0], [float("nan")] * 64, []])
def test_an_embedding_that_cannot_be_compared_is_refused(store: Store, embedding: list[float]) -> None:
    with pytest.raises(BadInput, match="embedding"):
        store.retriever().retrieve(QueryBundle("tax", embedding=embedding))


def test_strings_to_be_embedded_instead_of_the_query_are(store: Store) -> None:
    found = store.retriever(weights={"bm25": 0}).retrieve(QueryBundle("tax", custom_embedding_strs=[TEXTS["car"]]))
    assert ids(found)[0] == "car"


@pytest.mark.parametrize("query", ["", "  \n\t "])
def test_a_query_without_words_finds_nothing(store: Store, query: str) -> None:
    assert store.retriever().retrieve(query) == []
    assert asyncio.run(store.retriever().aretrieve(query)) == []


def test_a_query_of_stop_words_is_searched_by_meaning_alone(store: Store) -> None:
    found = store.retriever().retrieve("what is the")
    assert len(found) == len(TEXTS)
    assert all("bm25" not in candidate(found, one.node.node_id).hits for one in found)


def test_an_empty_store_finds_nothing_and_embeds_nothing(tmp_path: Path) -> None:
    with Store.open(tmp_path, FakeEmbedder(delay_s=5), create=True) as store:
        start = time.perf_counter()
        assert store.retriever().retrieve("red bus") == []
        assert asyncio.run(store.retriever(fusion="calibrated").aretrieve("red bus")) == []
        assert time.perf_counter() - start < 5


def test_a_huge_query_is_read_in_part_and_quickly(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    start = time.perf_counter()
    found = store.retriever().retrieve("red bus " + "verylongword " * 80_000)
    assert time.perf_counter() - start < 5
    assert len(found) == len(TEXTS)
    assert "1040008 characters" in caplog.text


@pytest.mark.parametrize(
    "query", ["\0\1\2\xff" * 1000, "\ud800\udfff half pairs", "�" * 100, "%PDF-1.7\n%âãÏÓ\n" * 500]
)
def test_a_binary_query_is_answered(store: Store, query: str) -> None:
    assert isinstance(store.retriever().retrieve(query), list)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"similarity_top_k": 0}, "similarity_top_k is 0"),
        ({"similarity_top_k": -3}, "similarity_top_k is -3"),
        ({"source_top_k": 0}, "source_top_k is 0"),
        ({"source_top_k": 2.5}, "source_top_k is 2.5"),
        ({"fusion": "magic"}, "rrf, calibrated"),
        ({"rrf_k": -1}, "rrf_k is -1"),
        ({"weights": {"sparse": 1}}, 'no source "sparse"'),
        ({"weights": {"bm25": -1}}, '"bm25" is -1'),
        ({"weights": {"bm25": float("nan")}}, '"bm25" is nan'),
        ({"weights": {"bm25": 0, "dense": 0, "image": 0}}, "all weights are 0"),
        ({"calibrations": {"sparse": float}}, 'no source "sparse"'),
    ],
)
def test_a_bad_setting_is_named(store: Store, setting: dict[str, Any], message: str) -> None:
    with pytest.raises(BadSetting, match=message):
        store.retriever(**setting)


def test_no_more_than_the_wanted_number_is_returned(store: Store) -> None:
    assert len(store.retriever(similarity_top_k=2).retrieve("red station")) == 2


def test_filters_hold_for_both_sources(store: Store) -> None:
    only = MetadataFilters(filters=[ExactMatchFilter(key="kind", value="w")])
    assert ids(store.retriever(filters=only).retrieve("red bus")) == ["wine"]
    either = MetadataFilters(
        filters=[
            MetadataFilter(key="kind", value=["t", "c"], operator=FilterOperator.IN),
            MetadataFilters(filters=[MetadataFilter(key="size", value=30, operator=FilterOperator.LT)]),
        ],
        condition=FilterCondition.OR,
    )
    assert set(ids(store.retriever(filters=either).retrieve("red bus"))) == {"tax", "car", "wine", "rail"} - (
        {"rail"} if len(TEXTS["rail"]) >= 30 else set()
    )
    nothing = MetadataFilters(filters=[ExactMatchFilter(key="kind", value="x")])
    assert asyncio.run(store.retriever(filters=nothing).aretrieve("red bus")) == []
    unknown = MetadataFilters(filters=[MetadataFilter(key="kind", value="x", operator=FilterOperator.TEXT_MATCH)])
    with pytest.raises(BadSetting, match="text_match"):
        store.retriever(filters=unknown).retrieve("red bus")


def test_calibrated_fusion_is_the_mean_of_scores_as_shares_of_their_ceilings(store: Store) -> None:
    found = store.retriever(fusion="calibrated").retrieve("red wine")
    for one in found:
        hits = candidate(found, one.node.node_id).hits
        shares = [max(hit.score or 0.0, 0.0) / (hit.ceiling or 1.0) for hit in hits.values()]
        assert one.score == pytest.approx(sum(shares) / 2)
    flat = store.retriever(fusion="calibrated", calibrations={"dense": lambda _: 0.0, "bm25": lambda _: 1.0})
    assert {one.score for one in flat.retrieve("red wine")} == {0.5}


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60), st.integers(1, 6), st.integers(1, 6))
def test_any_query_gives_unique_ids_best_first(store: Store, query: str, top_k: int, depth: int) -> None:
    found = store.retriever(similarity_top_k=top_k, source_top_k=depth).retrieve(query)
    assert len(found) <= top_k
    assert len(set(ids(found))) == len(found)
    scores = [one.score or 0.0 for one in found]
    assert scores == sorted(scores, reverse=True)


def test_equal_passages_come_in_the_order_of_their_ids(tmp_path: Path) -> None:
    with Store.open(tmp_path, FakeEmbedder(), create=True) as store:
        store.add([TextNode(id_=id, text="the same") for id in ("c", "a", "d", "b")])
        assert ids(store.retriever(similarity_top_k=3).retrieve("the same")) == ["a", "b", "c"]


def test_changing_what_was_returned_changes_nothing_in_the_store(store: Store) -> None:
    found = store.retriever().retrieve("red bus")
    found[0].node.metadata["kind"] = "changed"
    found[0].node.set_content("changed")
    again = store.retriever().retrieve("red bus")
    assert again[0].node.get_content() == TEXTS["bus"]
    assert again[0].node.metadata["kind"] == "b"


class SlowStore(SimpleVectorStore):
    """A vector store that takes 0.2 s, blocking."""

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        time.sleep(0.2)
        return super().query(query, **kwargs)


class SlowAsyncStore(SlowStore):
    """One with a real asynchronous call."""

    async def aquery(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        await asyncio.sleep(0.2)
        return SimpleVectorStore.query(self, query, **kwargs)


def index_over(vector_store: SimpleVectorStore, nodes: list[TextNode] | None = None) -> VectorStoreIndex:
    from llama_index.core import StorageContext

    return VectorStoreIndex(
        nodes=passages() if nodes is None else nodes,
        embed_model=TamisEmbedding(embedder=FakeEmbedder()),
        storage_context=StorageContext.from_defaults(vector_store=vector_store),
    )


@pytest.mark.parametrize("kind", [SlowStore, SlowAsyncStore])
def test_five_concurrent_retrievals_over_a_store_of_a_fifth_of_a_second_take_under_three_tenths(
    kind: type[SimpleVectorStore],
) -> None:
    retriever = HybridRetriever.from_index(index_over(kind()))
    retriever.retrieve("warm up")

    async def five() -> float:
        start = time.perf_counter()
        await asyncio.gather(*(retriever.aretrieve(query) for query in ("red", "bus", "tax", "wine", "car")))
        return time.perf_counter() - start

    # The bound is on the waiting: what other programs take of the machine is tried away.
    assert min(asyncio.run(five()) for _ in range(5)) < 0.3


def test_the_event_loop_goes_on_during_a_retrieval() -> None:
    retriever = HybridRetriever.from_index(index_over(SlowStore()))
    retriever.retrieve("warm up")

    async def beats() -> int:
        task, beat = asyncio.create_task(retriever.aretrieve("red")), 0
        while not task.done():
            await asyncio.sleep(0.01)
            beat += 1
        return beat

    assert asyncio.run(beats()) >= 5


def test_any_llamaindex_vector_store_works_texts_in_the_docstore_included() -> None:
    index = index_over(SimpleVectorStore())
    retriever = HybridRetriever.from_index(index)
    found = retriever.retrieve("red bus")
    assert ids(found)[0] == "bus"
    assert candidate(found, "bus").hits["dense"].score == pytest.approx(_cosine("red bus", TEXTS["bus"]), abs=1e-5)
    assert candidate(found, "tax").hits["bm25"].score == 0.0
    index.insert_nodes([TextNode(id_="new", text="a zebra crossing")])
    assert ids(retriever.retrieve("zebra"))[0] == "new"
    index.delete_nodes(["new"], delete_from_docstore=True)
    assert "new" not in ids(retriever.retrieve("zebra"))
    index.delete_nodes(["bus"])
    assert "bus" not in ids(retriever.retrieve("red bus"))
    index.insert_nodes([TextNode(id_="tax", text="a zebra")])
    assert candidate(retriever.retrieve("zebra"), "tax").hits["bm25"].rank == 1
    only = MetadataFilters(filters=[ExactMatchFilter(key="kind", value="w")])
    assert ids(HybridRetriever.from_index(index, filters=only).retrieve("red station")) == ["wine"]


def test_chroma_s_default_space_gives_true_cosines_too() -> None:
    import chromadb
    from chromadb.config import Settings
    from llama_index.vector_stores.chroma import ChromaVectorStore

    client = chromadb.EphemeralClient(settings=Settings(anonymized_telemetry=False))
    collection = client.create_collection("distances", embedding_function=None)
    vector_store = ChromaVectorStore.from_collection(collection)
    index = VectorStoreIndex.from_vector_store(vector_store, embed_model=TamisEmbedding(embedder=FakeEmbedder()))
    retriever = HybridRetriever.from_index(index)
    assert retriever.retrieve("red bus") == []
    index.insert_nodes(passages())
    found = retriever.retrieve("red bus")
    for one in found:
        hit = candidate(found, one.node.node_id).hits["dense"]
        assert hit.score == pytest.approx(_cosine("red bus", TEXTS[one.node.node_id]), abs=1e-4)
        assert hit.ceiling == 1.0
    # As many as before, and nothing that Chroma's count could tell.
    index.delete_nodes(["tax"])
    index.insert_nodes([TextNode(id_="zebra", text="a zebra")])
    assert ids(retriever.retrieve("zebra"))[0] == "zebra"
    assert candidate(retriever.retrieve("zebra"), "zebra").hits["bm25"].rank == 1
    client.delete_collection("distances")
    client.close()  # type: ignore[attr-defined]


class Unlisted(SimpleVectorStore):
    """A store that keeps the texts and cannot list them, as some hosted ones."""

    stores_text: bool = True


def test_a_store_that_cannot_list_its_nodes_needs_them_given() -> None:
    index = index_over(Unlisted())
    with pytest.raises(StoreError, match=r"nodes=\.\.\."):
        HybridRetriever.from_index(index).retrieve("red bus")
    found = HybridRetriever.from_index(index, nodes=passages()).retrieve("red bus")
    assert ids(found)[0] == "bus"


def test_an_index_node_is_resolved_and_keeps_its_score(tmp_path: Path) -> None:
    inner = FixedRetriever([NodeWithScore(node=TextNode(id_="inside", text="found inside"), score=0.0)])
    with Store.open(tmp_path, FakeEmbedder(), create=True) as store:
        store.add([
            IndexNode(id_="door", text="the red bus timetable", index_id="timetable"),
            IndexNode(id_="note", text="red bus fares", index_id="fares"),
            TextNode(id_="plain", text="a blue car"),
        ])  # fmt: skip
        retriever = store.retriever()
        retriever.object_map = {"timetable": inner, "fares": TextNode(id_="fares-node", text="fares are up")}
        plain = {one.node.node_id: one.score for one in store.retriever().retrieve("red bus")}
        for found in (retriever.retrieve("red bus"), asyncio.run(retriever.aretrieve("red bus"))):
            assert {one.node.node_id: one.score for one in found} == {
                "inside": plain["door"], "fares-node": plain["note"], "plain": plain["plain"],
            }  # fmt: skip
            assert candidate(found, "inside").hits["dense"].rank is not None
        assert isinstance(retriever, BaseRetriever)


def test_it_meets_every_assertion_of_the_shipped_conformance_check(store: Store) -> None:
    slow = HybridRetriever.from_index(index_over(SlowStore()))
    slow.retrieve("warm up")
    report = check_retriever(store.retriever(), slow=slow, queries=["red bus"], finds=[("tax law", "tax")])
    assert report.failures == []
