"""The store: what goes in comes out, one writer at a time, and bad input is named."""

import base64
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from llama_index.core.schema import (
    BaseNode,
    ImageNode,
    IndexNode,
    MediaResource,
    MetadataMode,
    Node,
    NodeRelationship,
    QueryBundle,
    RelatedNodeInfo,
    TextNode,
)
from llama_index.core.vector_stores.types import ExactMatchFilter, MetadataFilters

from tamis.core.errors import BadInput, BadSetting, EmbedderMismatch, StoreError, StoreLocked, StoreMissing
from tamis.retrievers import Store
from tamis.testing import FakeEmbedder


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store", FakeEmbedder(), create=True)


def from_source(id: str, text: str, source: str) -> TextNode:
    return TextNode(id_=id, text=text, relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=source)})


def test_a_missing_store_names_the_place_and_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match=r"nowhere; make one with `tamis index"):
        Store.open(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_the_embedder_is_remembered_and_another_is_refused_with_both_names(tmp_path: Path) -> None:
    Store.open(tmp_path, FakeEmbedder(32), create=True).close()
    with Store.open(tmp_path) as store:
        assert store.embedder == FakeEmbedder(32)
    with pytest.raises(EmbedderMismatch, match=r"fake-32.*fake-64"):
        Store.open(tmp_path, FakeEmbedder(64))


def test_the_default_embedder_is_not_loaded_to_make_or_open_a_store(tmp_path: Path) -> None:
    Store.open(tmp_path / "store", create=True).close()
    with Store.open(tmp_path / "store") as store:
        assert (store.embedder.name, store.dimensions) == ("all-MiniLM-L6-v2", 384)


MANIFEST = {"format": 1, "embedder": "fake-64", "dimensions": 64, "collection": "tamis", "spec": {"name": "fake"}}
DAMAGED = [
    *("", "[]", "{", '{"format": 99}', '{"format": 1}', "\0"),
    pytest.param("[" * 100_000, id="nested"),
    *(json.dumps({**MANIFEST, "spec": spec}) for spec in (None, "fake", 3, ["fake"])),
    *(json.dumps({**MANIFEST, "dimensions": dimensions}) for dimensions in (None, "64", 6.4, 0, True)),
    *(json.dumps({**MANIFEST, "collection": collection}) for collection in (None, 3)),
]


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_manifest_is_a_store_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    Store.open(tmp_path, FakeEmbedder(), create=True).close()
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(StoreError, match=r"manifest\.json"):
        Store.open(tmp_path)


def test_a_damaged_database_is_a_store_error_that_names_the_folder(tmp_path: Path) -> None:
    Store.open(tmp_path, FakeEmbedder(), create=True).close()
    (tmp_path / "chroma" / "chroma.sqlite3").write_bytes(b"this is no database" * 1000)
    with pytest.raises(StoreError, match="chroma"):
        Store.open(tmp_path)


def test_a_file_is_no_place_for_a_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="is a file"):
        Store.open(tmp_path / "file", FakeEmbedder(), create=True)


@pytest.mark.parametrize("url", ["ftp://host:1", "http://", "http://host/path", "http://host:port"])
def test_a_url_that_is_no_server_is_refused(url: str) -> None:
    with pytest.raises(BadSetting, match="Chroma server"):
        Store.open(url)


def test_every_kind_of_node_comes_back_as_it_went_in(store: Store) -> None:
    picture = base64.b64encode(b"picture").decode()
    nodes: list[BaseNode] = [
        TextNode(id_="text", text="a text", metadata={"page": 3, "none": None}, excluded_embed_metadata_keys=["page"]),
        ImageNode(id_="inline", text="a caption", image=picture, image_mimetype="image/png"),
        ImageNode(id_="path", text="", image_path="bus.png", metadata={"caption": "a bus"}),
        Node(
            id_="multimodal",
            text_resource=MediaResource(text="a caption"),
            image_resource=MediaResource(path=Path("bus.png")),
        ),
        IndexNode(id_="index", text="a summary", index_id="elsewhere"),
        from_source("chunk", "a chunk", "document"),
        TextNode(id_="nested", text="nested", metadata={"tags": ["a", "b"], "deep": {"x": 1}}),
        TextNode(id_="odd", text="line\r\n\ttab \0 null 東京 😀", metadata={"flag": True, "share": 0.5}),
    ]
    store.embed_model.embedder.embed([])
    for node in nodes:
        node.embedding = [1.0] + [0.0] * 63
    store.add(nodes)
    for node, back in zip(nodes, store.nodes([node.node_id for node in nodes]), strict=True):
        assert type(back) is type(node)
        assert back.get_content(MetadataMode.NONE) == node.get_content(MetadataMode.NONE)
        assert {**back.to_dict(), "embedding": None} == {**node.to_dict(), "embedding": None}
    store.close()


def test_nodes_are_not_changed_by_being_added(store: Store) -> None:
    node = TextNode(id_="a", text="a red bus", metadata={"page": 1})
    before = node.to_dict()
    store.add([node])
    assert node.to_dict() == before
    assert node.embedding is None


def test_a_given_embedding_is_used_as_it_is(store: Store) -> None:
    vector = [0.0] * 63 + [2.0]
    store.add([TextNode(id_="a", text="a bus", embedding=vector)])
    assert store.corpus.nearest(vector, 1, None).similarities == pytest.approx([1.0])


def test_adding_an_id_again_replaces_text_vector_and_metadata(store: Store) -> None:
    store.add([TextNode(id_="a", text="a red bus", metadata={"colour": "red", "page": 1})])
    store.add([TextNode(id_="a", text="a blue car", metadata={"page": 2})])
    assert store.count() == 1
    [node] = store.nodes(["a"])
    assert (node.get_content(), node.metadata) == ("a blue car", {"page": 2})
    stale = MetadataFilters(filters=[ExactMatchFilter(key="colour", value="red")])
    assert store.corpus.matching(stale) == set()
    [found] = store.retriever().retrieve("blue car")
    assert found.hits["dense"].score > 0.7  # type: ignore[attr-defined]


def test_deleting_by_id_and_by_document(store: Store) -> None:
    store.add([from_source("a", "one", "doc"), from_source("b", "two", "doc"), from_source("c", "three", "other")])
    assert sorted(store.delete_documents(["doc", "unknown"])) == ["a", "b"]
    store.delete(["c", "never there"])
    store.delete([])
    assert store.delete_documents([]) == []
    assert store.count() == 0


def test_a_document_called_none_is_not_that_of_passages_without_one(store: Store) -> None:
    store.add(
        [TextNode(id_="free", text="a bus"), from_source("a", "a car", "None"), from_source("b", "a tax", "other")]
    )
    assert store.delete_documents(["None"]) == ["a"]
    assert store.delete_documents(["None", "other"]) == ["b"]
    assert store.ids() == ["free"]


def test_a_text_in_place_of_a_list_deletes_nothing(store: Store) -> None:
    store.add([TextNode(id_="a", text="a bus"), from_source("x", "a car", "b")])
    for delete in (store.delete, store.delete_documents):
        with pytest.raises(BadInput, match="list of ids"):
            delete("ab")
    assert store.ids() == ["a", "x"]


def test_asking_for_no_nodes_gives_none(store: Store) -> None:
    store.add([TextNode(id_="a", text="a bus")])
    assert store.nodes([]) == []
    assert [node.node_id for node in store.nodes(["missing", "a"])] == ["a"]


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (TextNode(id_="bad", text=" \n"), "neither text nor image"),
        (TextNode(id_="bad", text="half \ud800 a pair"), "cannot be written down"),
        (TextNode(id_="bad", text="a bus", embedding=[1.0, 2.0]), "2 dimensions"),
        (TextNode(id_="bad", text="a bus", embedding=[float("nan")] * 64), "not finite"),
        (ImageNode(id_="bad", image_path="bus.png"), "reads text only"),
        (
            Node(
                id_="bad",
                text_resource=MediaResource(text="a caption"),
                image_resource=MediaResource(data=base64.b64encode(b"picture")),
            ),
            "ImageNode",
        ),
        (TextNode(id_="bad", text="a bus", metadata={"x": object()}), "cannot be written down"),
        (TextNode(id_="bad", text="a bus", metadata={"x": float("nan")}), "cannot be written down"),
        (TextNode(id_="bad", text="a bus", metadata={"x": [1.0, float("-inf")]}), "cannot be written down"),
        (TextNode(id_="bad", text="a bus", metadata={"half \ud800": 1}), "cannot be written down"),
        (TextNode(id_="bad", text="a bus", metadata={"x": {"half \ud800": 1}}), "cannot be written down"),
        (TextNode(id_="bad", text="a bus", metadata={"chroma:document": "another"}), "reserved by Chroma"),
        (TextNode(id_="bad", text="a bus", metadata={"": 1}), "Chroma does not take this"),
        (TextNode(id_="bad", text="a bus", metadata_template="{nope}"), "metadata_template.*cannot be filled in"),
        (TextNode(id_="bad", text="a bus", text_template="{content:>999999999}"), "text_template.*cannot be filled in"),
        (TextNode(id_="good", text="the same id"), 'the id "good"'),
        (TextNode(id_="", text="no id"), "empty id"),
    ],
)
def test_a_node_that_cannot_be_stored_is_named_and_nothing_is_stored(
    store: Store, node: BaseNode, message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        store.add([TextNode(id_="good", text="a bus"), node])
    assert store.count() == 0


def test_many_nodes_are_stored_in_several_batches(store: Store) -> None:
    vectors = np.eye(64).tolist()
    store.add([TextNode(id_=f"n{i}", text=f"word{i}", embedding=vectors[i % 64]) for i in range(2500)])
    assert store.count() == 2500
    store.delete([f"n{i}" for i in range(2400)])
    assert store.count() == len(store.bm25.current()) == 100


HOLD = """
import sys, time
from tamis.retrievers import Store
from tamis.testing import FakeEmbedder
with Store.open(sys.argv[1]) as store, store.writing():
    print("writing", flush=True)
    time.sleep(60)
"""


def test_a_second_writer_is_refused_with_the_first_one_s_process_and_a_killed_writer_locks_nothing(
    tmp_path: Path,
) -> None:
    with Store.open(tmp_path, FakeEmbedder(), create=True) as store:
        store.add([TextNode(id_="a", text="a bus")])
    holder = subprocess.Popen([sys.executable, "-c", textwrap.dedent(HOLD), str(tmp_path)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == b"writing"
        with Store.open(tmp_path) as store:
            with pytest.raises(StoreLocked, match=f"process {holder.pid}"):
                store.add([TextNode(id_="b", text="a car")])
            with pytest.raises(StoreLocked, match=f"process {holder.pid}"):
                store.delete(["a"])
            assert [one.node.node_id for one in store.retriever().retrieve("bus")] == ["a"]
            os.kill(holder.pid, signal.SIGKILL)
            holder.wait()
            store.add([TextNode(id_="b", text="a car")])
            assert store.ids() == ["a", "b"]
    finally:
        holder.kill()
        holder.wait()
        if holder.stdout is not None:
            holder.stdout.close()


KILLED = """
import os, sys
from llama_index.core.schema import TextNode
from tamis.retrievers import Store
store = Store.open(sys.argv[1])
store.add([TextNode(id_="b", text="a blue car")])
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_writer_had_added_is_there_for_all_sources(tmp_path: Path) -> None:
    with Store.open(tmp_path, FakeEmbedder(), create=True) as store:
        store.add([TextNode(id_="a", text="a red bus")])
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    with Store.open(tmp_path) as store:
        found = store.retriever().retrieve("blue car")[0]
        assert found.node.node_id == "b"
        assert found.hits["bm25"].rank == 1  # type: ignore[attr-defined]


def test_readers_see_what_a_writer_in_another_process_adds(tmp_path: Path) -> None:
    with Store.open(tmp_path, FakeEmbedder(), create=True) as store:
        store.add([TextNode(id_="a", text="a red bus")])
        retriever = store.retriever()
        assert [one.node.node_id for one in retriever.retrieve("blue car")] == ["a"]
        subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
        assert {one.node.node_id for one in retriever.retrieve("blue car")} == {"a", "b"}


ADD_MANY = """
import sys
from llama_index.core.schema import TextNode
from tamis.retrievers import Store
with Store.open(sys.argv[1]) as store:
    nodes = [TextNode(id_=f"other{i}", text="w", embedding=[float(i % 7), 1.0 + i] + [0.5] * 62) for i in range(1500)]
    store.add(nodes)
    store.delete(["a"])
"""


REACHED = 0.999
"""An HNSW graph may leave one of thousands of vectors unreachable; what a writer loses is a quarter of them."""


def test_writers_in_turns_lose_none_of_each_other_s_vectors(tmp_path: Path) -> None:
    probe = [1.0] * 64
    with Store.open(tmp_path, FakeEmbedder(), create=True) as store:
        store.add([TextNode(id_="a", text="a red bus"), TextNode(id_="b", text="a blue car")])
        assert len(store.corpus.nearest(probe, 5000, None).ids) == 2
        subprocess.run([sys.executable, "-c", ADD_MANY, str(tmp_path)], check=True)
        store.add([TextNode(id_=f"own{i}", text=f"word{i}") for i in range(1200)])
        assert store.count() == 2701
        assert len(store.corpus.nearest(probe, 5000, None).ids) >= REACHED * 2701
    with Store.open(tmp_path) as store:
        assert store.count() == 2701
        assert len(store.corpus.nearest(probe, 5000, None).ids) >= REACHED * 2701


def test_a_reader_finds_by_vector_what_another_process_added_and_not_what_it_deleted(tmp_path: Path) -> None:
    with Store.open(tmp_path, FakeEmbedder(), create=True) as store:
        store.add([TextNode(id_="a", text="a red bus"), TextNode(id_="b", text="a blue car")])
        retriever = store.retriever(similarity_top_k=3)
        retriever.retrieve("red bus")
        subprocess.run([sys.executable, "-c", ADD_MANY, str(tmp_path)], check=True)
        found = retriever.retrieve(QueryBundle("bus", embedding=[0.0, 1500.0] + [0.5] * 62))
        assert "a" not in {one.node.node_id for one in found}
        assert found[0].node.node_id.startswith("other")
        assert found[0].hits["dense"].rank == 1  # type: ignore[attr-defined]


def test_two_stores_of_one_process_share_the_database(tmp_path: Path) -> None:
    first = Store.open(tmp_path, FakeEmbedder(), create=True)
    second = Store.open(tmp_path)
    first.add([TextNode(id_="a", text="a red bus")])
    assert [one.node.node_id for one in second.retriever().retrieve("bus")] == ["a"]
    first.close()
    first.close()
    second.add([TextNode(id_="b", text="a red car")])
    assert second.ids() == ["a", "b"]
    second.close()


def test_an_unregistered_embedder_must_be_passed_again(tmp_path: Path) -> None:
    class Mine(FakeEmbedder):
        @property
        def name(self) -> str:
            return "mine"

    Store.open(tmp_path, Mine(), create=True).close()
    with pytest.raises(StoreError, match=r'"mine".*pass it'):
        Store.open(tmp_path)
    Store.open(tmp_path, Mine()).close()
