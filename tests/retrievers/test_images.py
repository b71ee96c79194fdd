"""Queries with images: searched where the embedder sees, refused or left out with a word where it does not."""

import asyncio
from io import BytesIO
from pathlib import Path

import PIL.Image
import pytest
from llama_index.core.schema import ImageNode, NodeWithScore, QueryBundle, TextNode

from tamis.core.content import Content
from tamis.core.errors import BadInput, MediaError, MediaRefused
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.nodes import Candidate, bundle_of, node_of
from tamis.retrievers import Store
from tamis.testing import FakeEmbedder, FakeImageEmbedder


def png(colour: str) -> bytes:
    stream = BytesIO()
    PIL.Image.new("RGB", (16, 16), colour).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.open(tmp_path / "store", FakeImageEmbedder(), create=True)
    store.add(
        [
            node_of(Content("", (Image(data=png("red")),)), id="red-picture"),
            node_of(Content("a sky", (Image(data=png("blue")),)), id="blue-picture"),
            TextNode(id_="words", text="the tax law"),
        ]
    )
    return store


def hits(found: list[NodeWithScore], id: str) -> Candidate:
    [one] = [one for one in found if one.node.node_id == id]
    assert isinstance(one, Candidate)
    return one


def test_a_text_finds_a_picture_without_a_caption(store: Store) -> None:
    found = store.retriever().retrieve("something red")
    assert found[0].node.node_id == "red-picture"
    assert isinstance(found[0].node, ImageNode)


def test_an_image_alone_finds_its_like(store: Store) -> None:
    query = bundle_of(Content(images=(Image(data=png("blue")),)))
    for found in (store.retriever().retrieve(query), asyncio.run(store.retriever().aretrieve(query))):
        assert found[0].node.node_id == "blue-picture"
        assert set(hits(found, "blue-picture").hits) == {"image"}


def test_text_and_image_are_fused_as_sources_of_their_own(store: Store) -> None:
    query = bundle_of(Content("tax law", (Image(data=png("red")),)))
    found = store.retriever().retrieve(query)
    assert hits(found, "red-picture").hits["image"].rank == 1
    assert hits(found, "words").hits["bm25"].rank == 1
    assert set(hits(found, "words").hits) == {"dense", "image", "bm25"}
    weighted = store.retriever(weights={"image": 10}, rrf_k=1).retrieve(query)
    assert weighted[0].node.node_id == "red-picture"


def test_a_query_s_image_path_is_opened_only_where_the_policy_allows_it(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "red.png"
    file.write_bytes(png("red"))
    query = QueryBundle("", image_path=str(file))
    with pytest.raises(MediaRefused, match=r"red\.png"):
        store.retriever().retrieve(query)
    with pytest.raises(MediaRefused):
        asyncio.run(store.retriever().aretrieve(query))
    allowed = store.retriever(media=MediaPolicy(roots=(str(tmp_path),)))
    assert allowed.retrieve(query)[0].node.node_id == "red-picture"
    assert query == QueryBundle("", image_path=str(file))


def test_a_broken_query_image_is_a_media_error(store: Store) -> None:
    with pytest.raises(MediaError):
        store.retriever().retrieve(bundle_of(Content(images=(Image(data=b"no picture"),))))


def test_a_text_only_embedder_refuses_an_image_alone_and_leaves_it_out_beside_a_text(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Store.open(tmp_path / "texts", FakeEmbedder(), create=True) as store:
        store.add([TextNode(id_="bus", text="a red bus")])
        with pytest.raises(BadInput, match=r'"fake-64" reads text only'):
            store.retriever().retrieve(QueryBundle("", image_path="bus.png"))
        found = store.retriever().retrieve(QueryBundle("red", image_path="bus.png"))
        assert [one.node.node_id for one in found] == ["bus"]
        assert "image of the query is left out" in caplog.text


def test_a_caption_is_searched_where_the_embedder_reads_text_only(tmp_path: Path) -> None:
    with Store.open(tmp_path / "texts", FakeEmbedder(), create=True) as store:
        store.add([node_of(Content("a red bus", (Image(data=png("red")),)), id="bus")])
        [found] = store.retriever().retrieve("red bus")
        assert isinstance(found.node, ImageNode)
        assert found.node.image
