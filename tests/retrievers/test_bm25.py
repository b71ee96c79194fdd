"""BM25 beside a store: saved, mapped, following every change, and built anew when it cannot be trusted."""

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_index.core.schema import TextNode

from tamis.nodes import Candidate
from tamis.retrievers import Store
from tamis.retrievers.bm25 import counted_node
from tamis.retrievers.bm25_folder import load
from tamis.retrievers.postings import Postings
from tamis.testing import FakeEmbedder

TEXTS = {"n1": "a red bus", "n2": "the blue car", "n3": "tax law", "n4": "red wine"}


def nodes(texts: dict[str, str]) -> list[TextNode]:
    return [TextNode(id_=id, text=text) for id, text in texts.items()]


def found(store: Store, query: str) -> list[str]:
    """What BM25 lists for a query."""
    found = store.retriever().retrieve(query)
    return sorted(
        one.node.node_id
        for one in found
        if isinstance(one, Candidate) and "bm25" in one.hits and one.hits["bm25"].rank is not None
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A closed store with four passages."""
    with Store.open(tmp_path / "store", FakeEmbedder(), create=True) as store:
        store.add(nodes(TEXTS))
    return tmp_path / "store"


def rebuilds(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_the_saved_index_is_mapped_and_used_without_asking_the_store_for_texts(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loaded = load(folder / "bm25").postings
    assert isinstance(loaded.scores.base, np.memmap)
    with Store.open(folder) as store:
        store.corpus.passages = None  # type: ignore[assignment,method-assign]
        assert found(store, "red") == ["n1", "n4"]
    assert not rebuilds(caplog)


def test_it_follows_what_the_store_adds_replaces_and_deletes(folder: Path) -> None:
    with Store.open(folder) as store:
        store.add(nodes({"n5": "a red kite", "n1": "a green bus"}))
        assert found(store, "red") == ["n4", "n5"]
        store.delete(["n4"])
        assert found(store, "red") == ["n5"]
        assert found(store, "green") == ["n1"]
    with Store.open(folder) as store:
        assert found(store, "red") == ["n5"]


def test_it_follows_what_is_inserted_and_deleted_through_llamaindex(folder: Path) -> None:
    with Store.open(folder) as store:
        index = store.index
        index.insert_nodes([TextNode(id_="n6", text="red tape")])
        assert found(store, "red") == ["n1", "n4", "n6"]
        index.delete_nodes(["n1"])
        assert found(store, "red") == ["n4", "n6"]


def test_it_notices_a_text_replaced_under_the_same_id_by_others(folder: Path) -> None:
    with Store.open(folder) as store:
        assert found(store, "zebra") == []
        store.index.delete_nodes(["n1"])
        store.index.insert_nodes([TextNode(id_="n1", text="a zebra")])
        assert found(store, "zebra") == ["n1"]
        assert found(store, "bus") == []


def test_changes_made_while_it_was_closed_are_followed(folder: Path) -> None:
    import chromadb
    from chromadb.config import Settings

    client = chromadb.PersistentClient(str(folder / "chroma"), settings=Settings(anonymized_telemetry=False))
    client.get_collection("tamis", embedding_function=None).delete(ids=["n1"])
    client.close()  # type: ignore[attr-defined]
    with Store.open(folder) as store:
        assert found(store, "red") == ["n4"]


@pytest.mark.parametrize("damage", ["no folder", "no pointer", "no index", "truncated", "garbage", "bad pointer"])
def test_a_missing_or_damaged_index_is_built_anew_with_a_warning(
    folder: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    side = folder / "bm25"
    index = next(side.glob("index-*"))
    scores = next(index.glob("data*"))
    match damage:
        case "no folder":
            shutil.rmtree(side)
        case "no pointer":
            (side / "current.json").unlink()
        case "no index":
            shutil.rmtree(index)
        case "truncated":
            scores.write_bytes(scores.read_bytes()[:-3])
        case "garbage":
            scores.write_bytes(scores.read_bytes()[:-4] + b"\xff\xff\xff\xff")
        case _:
            (side / "current.json").write_text("[]")
    with Store.open(folder) as store:
        assert found(store, "red") == ["n1", "n4"]
        assert "built anew from 4 passages" in rebuilds(caplog)[0]
    caplog.clear()
    with Store.open(folder) as store:
        assert found(store, "red") == ["n1", "n4"]
    assert not rebuilds(caplog)


def test_an_index_of_other_passages_is_brought_to_the_store_s_with_a_warning(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Store.open(tmp_path / "other", FakeEmbedder(), create=True) as store:
        store.add(nodes({"x1": "red herring", "n1": "red flag"}))
    shutil.rmtree(folder / "bm25")
    shutil.copytree(tmp_path / "other" / "bm25", folder / "bm25")
    with Store.open(folder) as store:
        assert found(store, "red") == ["n1", "n4"]
        assert found(store, "herring") == []
    assert "does not match" in rebuilds(caplog)[0]


def test_an_index_counted_by_another_tokenizer_is_built_anew(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    pointer = folder / "bm25" / "current.json"
    pointer.write_text(json.dumps({**json.loads(pointer.read_text()), "fingerprint": "another"}))
    with Store.open(folder) as store:
        assert found(store, "red") == ["n1", "n4"]
    assert "another version of Tamis" in rebuilds(caplog)[0]


def test_a_crash_while_saving_leaves_the_old_index_in_use(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    unfinished = folder / "bm25" / "index-unfinished"
    unfinished.mkdir()
    (unfinished / "ids.json").write_text("[")
    with Store.open(folder) as store:
        assert found(store, "red") == ["n1", "n4"]
        store.delete(["n1"])
    assert not rebuilds(caplog)
    assert not unfinished.exists()


def test_a_process_that_never_closed_its_store_loses_nothing(folder: Path) -> None:
    store = Store.open(folder)
    store.add(nodes({"n7": "red alert"}))
    with Store.open(folder) as other:
        assert found(other, "red") == ["n1", "n4", "n7"]
    store.close()


def test_an_index_that_cannot_be_saved_is_kept_in_memory(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.rmtree(folder / "bm25")
    (folder / "bm25").write_text("a file where the folder should be")
    with Store.open(folder) as store:
        assert found(store, "red") == ["n1", "n4"]
    assert any("kept in memory" in message for message in rebuilds(caplog))


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(
        st.tuples(
            st.sampled_from(["add", "insert", "delete", "remove", "reopen"]),
            st.dictionaries(
                st.sampled_from(["a", "b", "c", "d", "e"]), st.sampled_from(["red bus", "blue bus car", "red red tax"]),
                min_size=1, max_size=3,
            ),
        ),
        max_size=6,
    )
)  # fmt: skip
def test_after_any_changes_it_equals_a_fresh_index_over_the_same_nodes(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, dict[str, str]]]
) -> None:
    place = tmp_path_factory.mktemp("stores") / "store"
    store = Store.open(place, FakeEmbedder(), create=True)
    for kind, texts in changes:
        match kind:
            case "add":
                store.add(nodes(texts))
            case "insert":
                store.index.insert_nodes(nodes(texts))
            case "delete":
                store.delete(list(texts))
            case "remove":
                store.index.delete_nodes(list(texts))
            case _:
                store.close()
                store = Store.open(place)
    current = store.bm25.current()
    fresh = Postings.of({id: counted_node(node) for id, node in store.corpus.nodes(store.ids()).items()})
    assert list(current.ids) == list(fresh.ids)
    for word in ("red", "blue", "bus", "car", "tax"):
        assert current.score_all([word]).tolist() == fresh.score_all([word]).tolist()
    store.close()
