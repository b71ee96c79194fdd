"""A folder and its store stay in step, whatever happens to the folder and to the run."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting
from tamis.indexing import index_directory
from tamis.models.embedder import Role
from tamis.retrievers import Store
from tamis.testing import FakeEmbedder, FakeImageEmbedder

from .conftest import OpenStore, write_image, write_pdf


@dataclass(frozen=True)
class CountingEmbedder(FakeEmbedder):
    """A FakeEmbedder that remembers what it was given, and refuses texts that say so."""

    seen: list[str] = field(default_factory=list)

    def embed(self, contents: Sequence[Content], role: Role = "passage") -> NDArray[np.float32]:
        if any("refuse this" in content.text for content in contents):
            raise BadInput("this text is refused")
        self.seen.extend(content.text for content in contents)
        return super().embed(contents, role)


def _files(store: Store) -> set[str]:
    return {str(node.metadata["file_path"]) for node in store.nodes(store.ids())}


def _content(store: Store) -> dict[str, str]:
    return {node.node_id: node.get_content() for node in store.nodes(store.ids())}


def _best(store: Store, question: str) -> str:
    return str(store.retriever(similarity_top_k=1).retrieve(question)[0].node.metadata["file_path"])


def test_every_kind_of_file_is_found_by_what_is_in_it(folder: Path, open_store: OpenStore) -> None:
    (folder / "guide.md").write_text("# Guide\n\n## Install\n\nRun the package manager.")
    (folder / "page.html").write_text("<title>x</title><p>Emperor <b>penguins</b> breed in winter.</p>")
    (folder / "main.py").write_text("def circumference(radius): ...")
    (folder / "Makefile").write_text("sandpaper: polish")
    (folder / "latin.txt").write_bytes("Le café près de la gare".encode("latin-1"))
    (folder / "book.ipynb").write_text('{"cells": [{"cell_type": "code", "source": ["import telescope"]}]}')
    write_pdf(folder / "paper.pdf", "Volcanoes erupt", "Glaciers melt")
    write_image(folder / "barn.png")
    (folder / "barn.txt").write_text("A wooden barn")
    store = open_store()
    report = index_directory(folder, store)
    assert (report.new, report.failed, report.skipped, report.recoded) == (8, (), (), 1)
    for question, file in {
        "package manager": "guide.md",
        "penguins": "page.html",
        "circumference": "main.py",
        "sandpaper": "Makefile",
        "café gare": "latin.txt",
        "telescope": "book.ipynb",
        "glaciers": "paper.pdf",
        "wooden barn": "barn.png",
    }.items():
        assert _best(store, question) == file
    page = store.retriever(similarity_top_k=1).retrieve("glaciers")[0]
    assert page.node.metadata["page_label"] == "2"


def test_a_second_run_embeds_nothing_and_changes_nothing(folder: Path, open_store: OpenStore) -> None:
    (folder / "a.md").write_text("# A\n\none")
    (folder / "b.txt").write_text("two")
    embedder = CountingEmbedder()
    store = open_store(embedder=embedder)
    index_directory(folder, store)
    before, seen = _content(store), list(embedder.seen)
    os.utime(folder / "a.md", (1, 1))
    report = index_directory(folder, store)
    assert (report.new, report.changed, report.unchanged, report.added) == (0, 0, 2, 0)
    assert embedder.seen == seen
    assert _content(store) == before


def test_changed_files_are_replaced_and_deleted_ones_removed_everywhere(folder: Path, open_store: OpenStore) -> None:
    (folder / "long.md").write_text("# A\n\nzebra\n\n# B\n\ngiraffe\n\n# C\n\nrhino")
    (folder / "gone.txt").write_text("hippopotamus")
    store = open_store()
    index_directory(folder, store)
    (folder / "long.md").write_text("# A\n\nelephant")
    (folder / "gone.txt").unlink()
    report = index_directory(folder, store)
    assert (report.new, report.changed, report.unchanged, report.removed) == (0, 1, 0, 1)
    assert list(_content(store).values()) == ["# A\n\nelephant"]
    found = store.retriever().retrieve("hippopotamus giraffe rhino")
    assert {hit.node.metadata["file_path"] for hit in found} == {"long.md"}


def test_another_passage_size_cuts_every_file_anew(folder: Path, open_store: OpenStore) -> None:
    (folder / "a.txt").write_text("A sentence of some words. " * 30)
    store = open_store()
    index_directory(folder, store)
    few = store.count()
    report = index_directory(folder, store, chunk_size=40, chunk_overlap=0)
    assert report.changed == 1
    assert store.count() > few


def test_metadata_are_small_and_keep_still(folder: Path, open_store: OpenStore) -> None:
    (folder / "sub").mkdir()
    (folder / "sub/a.txt").write_text("text")
    store = open_store()
    index_directory(folder, store)
    (node,) = store.nodes(store.ids())
    assert node.metadata == {"file_path": "sub/a.txt", "file_name": "a.txt", "file_type": "text/plain"}
    assert node.ref_doc_id == str(folder / "sub/a.txt")
    assert node.get_content(metadata_mode="embed") == "text"  # type: ignore[arg-type]


def test_broken_files_are_counted_with_a_reason_and_the_others_are_read(folder: Path, open_store: OpenStore) -> None:
    (folder / "good.txt").write_text("good")
    (folder / "noise.txt").write_bytes(bytes(range(256)))
    (folder / "junk.bin").write_bytes(b"\0" * 100)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nxxxx")
    (folder / "lying.jpg").write_text("I am no picture")
    (folder / "broken.ipynb").write_text("{}")
    (folder / "large.txt").write_text("x" * 2000)
    (folder / "song.mp3").write_bytes(b"\0\1")
    (folder / "empty.txt").touch()
    store = open_store()
    report = index_directory(folder, store, max_bytes=1999)
    assert _files(store) == {"good.txt"}
    assert {issue.file for issue in report.failed} == {
        *("noise.txt", "junk.bin", "broken.pdf", "broken.png", "lying.jpg", "broken.ipynb", "large.txt"),
    }
    assert all(issue.reason for issue in report.failed)
    assert [issue.file for issue in report.skipped] == ["empty.txt", "song.mp3"]


def test_a_picture_with_too_many_pixels_fails_alone(folder: Path, open_store: OpenStore) -> None:
    write_image(folder / "big.png")
    (folder / "big.txt").write_text("a caption")
    report = index_directory(folder, open_store(), max_pixels=100)
    assert [issue.file for issue in report.failed] == ["big.png"]


def test_unreadable_files_and_folders_fail_alone_and_keep_what_is_stored(folder: Path, open_store: OpenStore) -> None:
    (folder / "sub").mkdir()
    (folder / "sub/a.txt").write_text("one")
    (folder / "b.txt").write_text("two")
    store = open_store()
    index_directory(folder, store)
    (folder / "listed").mkdir()
    (folder / "listed/c.txt").write_text("three")
    index_directory(folder, store)
    (folder / "sub").chmod(0)
    (folder / "listed").chmod(0o400)
    (folder / "b.txt").chmod(0)
    try:
        if os.access(folder / "b.txt", os.R_OK):
            pytest.skip("this user, like root, reads everything")
        report = index_directory(folder, store)
    finally:
        (folder / "sub").chmod(0o700)
        (folder / "listed").chmod(0o700)
    assert [issue.file for issue in report.failed] == ["b.txt", "listed/c.txt", "sub/"]
    assert _files(store) == {"sub/a.txt", "b.txt", "listed/c.txt"}


def test_a_file_that_breaks_keeps_its_last_good_passages(folder: Path, open_store: OpenStore) -> None:
    (folder / "a.txt").write_text("still here")
    store = open_store()
    index_directory(folder, store)
    (folder / "a.txt").write_bytes(b"\0\1\2")
    report = index_directory(folder, store)
    assert [issue.file for issue in report.failed] == ["a.txt"]
    assert list(_content(store).values()) == ["still here"]


def test_a_file_that_becomes_empty_loses_its_passages(folder: Path, open_store: OpenStore) -> None:
    (folder / "a.txt").write_text("text")
    store = open_store()
    index_directory(folder, store)
    (folder / "a.txt").write_text("")
    report = index_directory(folder, store)
    assert (report.removed, store.count()) == (1, 0)


def test_a_passage_that_cannot_be_embedded_fails_its_file_only(folder: Path, open_store: OpenStore) -> None:
    for name, text in {"a.txt": "one", "b.txt": "refuse this", "c.txt": "three"}.items():
        (folder / name).write_text(text)
    store = open_store(embedder=CountingEmbedder())
    report = index_directory(folder, store)
    assert (report.new, [issue.file for issue in report.failed]) == (2, ["b.txt"])
    assert _files(store) == {"a.txt", "c.txt"}
    (folder / "b.txt").write_text("fine now")
    assert index_directory(folder, store).new == 1


def test_the_text_in_an_image_is_found_and_one_without_any_is_skipped(folder: Path, open_store: OpenStore) -> None:
    pytest.importorskip("rapidocr_onnxruntime", reason="the extra ocr is not installed")
    write_image(folder / "scan.png", "white", "Invoice 4711 total 99 euro")
    write_image(folder / "plain.png", "green")
    store = open_store()
    report = index_directory(folder, store)
    assert _files(store) == {"scan.png"}
    assert "Invoice 4711" in next(iter(_content(store).values()))
    assert [issue.file for issue in report.skipped] == ["plain.png"]
    assert index_directory(folder, store).skipped == report.skipped


def test_without_the_ocr_extra_captions_are_read_and_the_rest_is_told(
    folder: Path, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr_onnxruntime", None)
    write_image(folder / "a.png")
    (folder / "a.txt").write_text("a caption")
    write_image(folder / "b.png")
    report = index_directory(folder, open_store())
    assert (report.new, report.without_ocr) == (1, 2)
    assert "pip install 'tamis[ocr]'" in report.skipped[0].reason


def test_without_the_files_extra_pdf_and_html_are_skipped_by_name_and_read_once_it_is_there(
    folder: Path, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pdf(folder / "a.pdf", "Volcanoes")
    (folder / "b.html").write_text("<p>penguins")
    (folder / "c.md").write_text("zebras")
    store = open_store()
    with monkeypatch.context() as without:
        for name in ("pypdf", "bs4"):
            without.setitem(sys.modules, name, None)
        report = index_directory(folder, store)
    assert report.new == 1
    assert {issue.reason for issue in report.skipped} == {
        "reading PDF needs an extra: pip install 'tamis[files]'",
        "reading HTML needs an extra: pip install 'tamis[files]'",
    }
    assert index_directory(folder, store).new == 2


def test_an_embedder_that_sees_finds_images_that_nobody_captioned(
    folder: Path, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr_onnxruntime", None)
    write_image(folder / "one.png", "red")
    write_image(folder / "two.png", "blue")
    store = open_store(embedder=FakeImageEmbedder())
    assert index_directory(folder, store).new == 2
    assert _best(store, "something blue") == "two.png"


def test_folders_share_a_store_and_leave_each_other_alone(tmp_path: Path, open_store: OpenStore) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "readme.md").write_text(name)
        (tmp_path / name / "sub/x.md").write_text(f"{name} below")
    store = open_store()
    index_directory(tmp_path / "one", store)
    index_directory(tmp_path / "two", store)
    assert store.count() == 4
    (tmp_path / "one/readme.md").unlink()
    assert index_directory(tmp_path / "one", store).removed == 1
    assert index_directory(tmp_path / "two/sub", store).removed == 0
    assert store.count() == 3


def test_a_store_in_the_folder_is_not_read(folder: Path) -> None:
    (folder / "a.txt").write_text("text")
    with Store.open(folder / "index", FakeEmbedder(), create=True) as store:
        index_directory(folder, store)
        assert _files(store) == {"a.txt"}
        assert index_directory(folder, store).unchanged == 1
        with pytest.raises(BadInput, match=r"is the store itself"):
            index_directory(folder / "index", store)
    with Store.open(folder / "other", FakeEmbedder(), create=True) as other:
        index_directory(folder, other)
        assert _files(other) == {"a.txt"}


def test_what_is_excluded_later_is_removed_and_what_a_glob_passes_over_stays(
    folder: Path, open_store: OpenStore
) -> None:
    for name in ("a.md", "b.txt", "c.py"):
        (folder / name).write_text(name)
    store = open_store()
    index_directory(folder, store)
    index_directory(folder, store, glob=["*.md"], exclude=["*.py"])
    assert _files(store) == {"a.md", "b.txt"}


def test_a_run_that_is_interrupted_can_be_used_and_is_finished_by_the_next(folder: Path, open_store: OpenStore) -> None:
    for number in range(80):
        (folder / f"{number:02}.txt").write_text(f"number {number}")

    def interrupt(done: int, total: int, file: str) -> None:
        if done == 50:
            raise KeyboardInterrupt

    store = open_store()
    with pytest.raises(KeyboardInterrupt):
        index_directory(folder, store, progress=interrupt)
    assert 0 < store.count() < 80
    assert store.retriever().retrieve("number 3")
    report = index_directory(folder, store)
    assert report.new + report.unchanged == 80
    assert report.unchanged > 0
    assert store.count() == 80


KILLED = """
import os, signal, sys
from tamis.indexing import index_directory
from tamis.retrievers import Store
from tamis.testing import FakeEmbedder

def kill(done, total, file):
    if done == 50:
        os.kill(os.getpid(), signal.SIGKILL)

index_directory(sys.argv[1], Store.open(sys.argv[2], FakeEmbedder(), create=True), progress=kill)
"""


def test_a_run_that_is_killed_while_replacing_leaves_no_stale_and_no_double_passages(
    tmp_path: Path, folder: Path, open_store: OpenStore
) -> None:
    for number in range(60):
        (folder / f"{number:02}.md").write_text(f"# A\n\nold {number}\n\n# B\n\nmore {number}")
    with Store.open(tmp_path / "store", FakeEmbedder(), create=True) as store:
        index_directory(folder, store)
    for number in range(60):
        (folder / f"{number:02}.md").write_text(f"new {number}")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), str(tmp_path / "store")], check=False, timeout=120
    )
    assert done.returncode == -signal.SIGKILL
    # Back to the first text: what was replaced by then must not be taken for unchanged.
    (folder / "00.md").write_text("# A\n\nold 0\n\n# B\n\nmore 0")
    store = open_store()
    report = index_directory(folder, store)
    assert report.failed == ()
    fresh = open_store("fresh")
    index_directory(folder, fresh)
    assert _content(store) == _content(fresh)
    assert index_directory(folder, store).unchanged == 60


def test_settings_out_of_range_and_missing_folders_are_refused_before_anything_is_done(
    folder: Path, open_store: OpenStore
) -> None:
    store = open_store()
    with pytest.raises(BadSetting, match=r"chunk_size is 5"):
        index_directory(folder, store, chunk_size=5)
    with pytest.raises(BadSetting, match=r"chunk_overlap is 50"):
        index_directory(folder, store, chunk_size=50, chunk_overlap=50)
    with pytest.raises(BadSetting, match=r'no text encoding "martian"'):
        index_directory(folder, store, encoding="martian")
    with pytest.raises(BadInput, match=r"there is no folder"):
        index_directory(folder / "none", store)


_NAMES = st.sampled_from(["a.md", "b.txt", "c.py"])
_TEXTS = st.sampled_from(["", "one", "# A\n\none\n\n# B\n\ntwo", "# B\n\ntwo\n\n# A\n\none", "three " * 300])


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(states=st.lists(st.dictionaries(_NAMES, _TEXTS), min_size=2, max_size=4))
def test_however_the_folder_changed_the_store_holds_what_a_fresh_one_would(
    states: list[dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = tmp_path_factory.mktemp("states")
    folder = base / "folder"
    folder.mkdir()
    with Store.open(base / "kept", FakeEmbedder(), create=True) as kept:
        for state in states:
            for file in folder.iterdir():
                file.unlink()
            for name, text in state.items():
                (folder / name).write_text(text)
            index_directory(folder, kept)
        with Store.open(base / "fresh", FakeEmbedder(), create=True) as fresh:
            index_directory(folder, fresh)
            assert _content(kept) == _content(fresh)
