"""The copy of the vectors: what it says is what the store would say, or it says nothing."""

from pathlib import Path

import numpy as np
import pytest
from llama_index.core.schema import NodeWithScore, TextNode

from tamis.core.content import Content
from tamis.nodes import Candidate
from tamis.retrievers import Store
from tamis.retrievers.bm25_folder import load
from tamis.retrievers.vectors import VectorCopy
from tamis.testing import FakeEmbedder


def filled_in(store: Store, id: str) -> float | None:
    """The cosine of a passage that the search by vector did not list."""
    found: list[NodeWithScore] = store.retriever(source_top_k=1).retrieve("only red")
    [one] = [one for one in found if one.node.node_id == id]
    assert isinstance(one, Candidate)
    assert one.hits["dense"].rank is None
    return one.hits["dense"].score


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Store.open(tmp_path / "store", FakeEmbedder(), create=True) as store:
        store.add([TextNode(id_="near", text="only"), TextNode(id_="far", text="red " + "many other words " * 3)])
        store.add([TextNode(id_=f"n{i}", text=f"filler {i}") for i in range(20)])
    return tmp_path / "store"


def test_saved_vectors_are_the_store_s_and_are_used_instead_of_asking_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postings, _, copy = load(folder / "bm25")
    with Store.open(folder) as store:
        asked = store.corpus.vectors(store.ids())
        kept = copy.get(postings.ids)
        assert list(kept) == store.ids()
        for id, vector in kept.items():
            assert vector == pytest.approx(asked[id], abs=1e-6)
        expected = float(asked["far"] @ FakeEmbedder().embed([_content("only red")])[0])
        monkeypatch.setattr(store.corpus, "vectors", lambda ids: pytest.fail(f"asked the store for {ids}"))
        assert filled_in(store, "far") == pytest.approx(expected, abs=1e-5)


def _content(text: str) -> Content:

    return Content(text)


def test_a_vector_replaced_through_the_store_is_the_new_one(folder: Path) -> None:
    new = np.roll(FakeEmbedder().embed([_content("only red")])[0], 7)
    with Store.open(folder) as store:
        store.add([TextNode(id_="far", text="red again", embedding=(3 * new).tolist())])
        expected = float(new @ FakeEmbedder().embed([_content("only red")])[0])
        assert filled_in(store, "far") == pytest.approx(expected, abs=1e-5)
    with Store.open(folder) as store:
        assert filled_in(store, "far") == pytest.approx(expected, abs=1e-5)


def test_a_vector_replaced_behind_the_store_s_back_is_the_new_one_although_the_text_is_the_same(folder: Path) -> None:
    new = np.roll(FakeEmbedder().embed([_content("only red")])[0], 7)
    expected = float(new @ FakeEmbedder().embed([_content("only red")])[0])
    with Store.open(folder) as store:
        filled_in(store, "far")
        store.vector_store.client.update(ids=["far"], embeddings=[new])
        assert filled_in(store, "far") == pytest.approx(expected, abs=1e-5)
    with Store.open(folder) as store:
        assert filled_in(store, "far") == pytest.approx(expected, abs=1e-5)


def test_a_copy_knows_what_was_removed_and_added_since() -> None:
    copy = VectorCopy(["a", "b"], np.eye(2, dtype=np.float32))
    copy.changed({}, ["a"])
    assert list(copy.get(["a", "b", "c"])) == ["b"]
    copy.changed({"a": np.ones(2, np.float32), "c": np.zeros(2, np.float32)}, [])
    assert copy.get(["a"])["a"].tolist() == [1.0, 1.0]
    assert sorted(copy.get(["a", "b", "c"])) == ["a", "b", "c"]


def test_a_copy_that_is_full_of_news_forgets_them_rather_than_grow() -> None:
    copy = VectorCopy(["a"], np.ones((1, 1), np.float32))
    copy.changed({f"n{i}": np.ones(1, np.float32) for i in range(20_001)}, ["a"])
    assert copy.get(["n1", "a"]) == {}
