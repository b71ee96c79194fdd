"""A text beside an image is a part of it, and a file of its own where the image is not in the store."""

import sys
from pathlib import Path

import pytest
from llama_index.core.schema import ImageNode

from tamis.indexing import index_directory
from tamis.retrievers import Store

from .conftest import OpenStore, write_image


@pytest.fixture(autouse=True)
def _without_ocr(monkeypatch: pytest.MonkeyPatch) -> None:
    """Captions only: to read the text in a picture takes seconds."""
    monkeypatch.setitem(sys.modules, "rapidocr_onnxruntime", None)


def _texts(store: Store) -> list[tuple[str, str]]:
    nodes = store.nodes(store.ids())
    return sorted((node.metadata["file_name"], node.get_content()) for node in nodes)


def test_a_caption_is_part_of_its_image_and_nothing_else(folder: Path, open_store: OpenStore) -> None:
    (folder / "photo.txt").write_text("a lighthouse")
    store = open_store()
    assert index_directory(folder, store).new == 1
    write_image(folder / "photo.png")
    report = index_directory(folder, store)
    assert (report.new, report.removed) == (1, 1)
    (node,) = store.nodes(store.ids())
    assert isinstance(node, ImageNode)
    assert (node.text, node.image_path) == ("a lighthouse", str(folder / "photo.png"))
    (folder / "photo.txt").write_text("a windmill")
    assert index_directory(folder, store).changed == 1
    assert [node.get_content() for node in store.nodes(store.ids())] == ["a windmill"]


def test_a_text_beside_a_broken_image_is_read_as_a_file(folder: Path, open_store: OpenStore) -> None:
    (folder / "notes.txt").write_text("The boiler is serviced in October.")
    (folder / "notes.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    store = open_store()
    report = index_directory(folder, store)
    assert (report.new, [issue.file for issue in report.failed]) == (1, ["notes.png"])
    assert _texts(store) == [("notes.txt", "The boiler is serviced in October.")]
    again = index_directory(folder, store)
    assert (again.new, again.changed, again.unchanged, again.removed) == (0, 0, 1, 0)
    write_image(folder / "notes.png")
    mended = index_directory(folder, store)
    assert (mended.new, mended.removed) == (1, 1)
    assert _texts(store) == [("notes.png", "The boiler is serviced in October.")]


def test_a_text_beside_two_images_is_a_caption_while_one_of_them_can_be_read(
    folder: Path, open_store: OpenStore
) -> None:
    (folder / "photo.txt").write_text("a lighthouse")
    (folder / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    write_image(folder / "photo.jpg")
    store = open_store()
    index_directory(folder, store)
    assert _texts(store) == [("photo.jpg", "a lighthouse")]


def test_a_text_is_a_file_where_its_image_is_not_asked_for_until_it_is(folder: Path, open_store: OpenStore) -> None:
    write_image(folder / "photo.png")
    (folder / "photo.txt").write_text("a lighthouse")
    store = open_store()
    index_directory(folder, store, glob=["*.txt"])
    assert _texts(store) == [("photo.txt", "a lighthouse")]
    for glob in ([], ["*.txt"]):
        index_directory(folder, store, glob=glob)
        assert _texts(store) == [("photo.png", "a lighthouse")]


def test_a_text_whose_image_is_deleted_becomes_a_file(folder: Path, open_store: OpenStore) -> None:
    write_image(folder / "photo.png")
    (folder / "photo.txt").write_text("a lighthouse")
    store = open_store()
    index_directory(folder, store)
    (folder / "photo.png").unlink()
    report = index_directory(folder, store)
    assert (report.new, report.removed) == (1, 1)
    assert _texts(store) == [("photo.txt", "a lighthouse")]
