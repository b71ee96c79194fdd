"""A store with a node that cannot be read, or not as it asks to be: every query goes on."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chromadb
import pytest
from chromadb.config import Settings
from llama_index.core import VectorStoreIndex
from llama_index.core.schema import MetadataMode, TextNode
from llama_index.core.vector_stores.utils import node_to_metadata_dict
from llama_index.vector_stores.chroma import ChromaVectorStore

from tamis.retrievers import HybridRetriever, Store, TamisEmbedding
from tamis.retrievers.records import readable_node
from tamis.testing import FakeEmbedder

VECTOR = [0.1] * 64
NESTED = pytest.param("[" * 100_000, id="nested")
DAMAGED = ["{not json", "[1]", "3", "null", '{"metadata": 3}', NESTED, '{"embedding": "x"}', ""]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store", FakeEmbedder(), create=True) as store:
        store.add([TextNode(id_="zebra", text="a zebra"), TextNode(id_="lion", text="a lion")])
        yield store


def plant(store: Store, id: str, **metadata: Any) -> None:
    """Past everything that checks, as another program would."""
    chroma: Any = store.vector_store.client
    chroma.upsert(ids=[id], documents=["a zebra a zebra"], metadatas=[metadata], embeddings=[VECTOR])


def found(retriever: HybridRetriever, query: str = "zebra") -> set[str]:
    return {one.node.node_id for one in retriever.retrieve(query)}


@pytest.mark.parametrize("content", DAMAGED[:-1])
def test_a_damaged_node_is_left_out_with_one_warning(
    store: Store, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    retriever = store.retriever()
    plant(store, "bad", _node_content=content, _node_type="TextNode")
    with caplog.at_level(logging.WARNING, "tamis"):
        assert found(retriever) == {"zebra", "lion"}
        assert {one.node.node_id for one in asyncio.run(retriever.aretrieve("zebra"))} == {"zebra", "lion"}
        assert found(retriever, "lion") == {"zebra", "lion"}
    told = [record.message for record in caplog.records if "damaged" in record.message]
    assert len(told) == 1
    assert '"bad"' in told[0]


def test_a_damaged_node_that_is_replaced_is_found(store: Store) -> None:
    retriever = store.retriever()
    plant(store, "bad", _node_content="{not json", _node_type="TextNode")
    assert found(retriever) == {"zebra", "lion"}
    store.add([TextNode(id_="bad", text="a zebra")])
    assert found(retriever) == {"zebra", "lion", "bad"}


def test_where_changes_cannot_be_noticed_a_damaged_node_is_asked_for_once(caplog: pytest.LogCaptureFixture) -> None:
    client = chromadb.EphemeralClient(Settings(anonymized_telemetry=False))
    collection: Any = client.get_or_create_collection("damaged", embedding_function=None)
    index = VectorStoreIndex.from_vector_store(
        ChromaVectorStore.from_collection(collection), embed_model=TamisEmbedding(embedder=FakeEmbedder())
    )
    index.insert_nodes([TextNode(id_="zebra", text="a zebra")])
    collection.upsert(ids=["bad"], documents=["zebra"], metadatas=[{"_node_content": "{"}], embeddings=[VECTOR])
    retriever = HybridRetriever.from_index(index)
    with caplog.at_level(logging.WARNING, "tamis"):
        assert [found(retriever) for _ in range(3)] == [{"zebra"}] * 3
    assert len([record for record in caplog.records if "damaged" in record.message]) == 1
    collection.upsert(
        ids=["bad"], documents=["zebra"], metadatas=[{"_node_content": None, "k": 1}], embeddings=[VECTOR]
    )
    assert found(retriever) == {"zebra", "bad"}


@pytest.mark.parametrize(
    "templates",
    [
        {"metadata_template": "{nope}"},
        {"metadata_template": "{value:>999999999}"},
        {"text_template": "{nope}"},
        {"text_template": "{content:>999999999}"},
        {"metadata_separator": "x" * 2000},
    ],
)
def test_a_node_with_a_template_that_cannot_be_filled_in_is_found(store: Store, templates: dict[str, str]) -> None:
    node = TextNode(id_="odd", text="a zebra a zebra", metadata={"page": 3, "line": 4}, **templates)
    plant(store, "odd", **node_to_metadata_dict(node, remove_text=True))
    assert found(store.retriever()) == {"zebra", "lion", "odd"}
    [back] = store.nodes(["odd"])
    # LlamaIndex itself, which will show it to a model, can read it too.
    assert back.get_content(MetadataMode.LLM) == "page: 3\nline: 4\n\na zebra a zebra"


def test_a_damaged_node_of_no_document_is_not_deleted_with_one_called_none(store: Store) -> None:
    plant(store, "bad", _node_content="{not json", _node_type="TextNode", ref_doc_id="None")
    assert store.delete_documents(["None"]) == []
    assert store.count() == 3


def test_a_node_has_the_id_that_it_is_stored_under(store: Store) -> None:
    plant(store, "real", **node_to_metadata_dict(TextNode(id_="zebra", text="a zebra"), remove_text=True))
    assert found(store.retriever()) == {"zebra", "lion", "real"}


@pytest.mark.parametrize("content", DAMAGED)
def test_whatever_is_written_there_is_a_node_or_none(content: str) -> None:
    assert readable_node("1", "a zebra", {"_node_content": content, "_node_type": "TextNode"}) is None
