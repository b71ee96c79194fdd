"""Whatever a run was doing when it ended, the next one leaves nothing of files that are gone."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.schema import BaseNode

from tamis.core.errors import StoreError
from tamis.indexing import index_directory
from tamis.indexing.ledger import Ledger
from tamis.retrievers import Store

from .conftest import OpenStore


@pytest.fixture(autouse=True)
def _long_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a hundred thousand files, of which the list takes too long to be saved with every batch."""
    monkeypatch.setattr(Ledger, "save_sometimes", lambda self: None)


def _write(folder: Path, count: int) -> None:
    for number in range(count):
        (folder / f"{number:02}.txt").write_text(f"number {number}")


def _names(store: Store) -> set[str]:
    return {str(node.metadata["file_name"]) for node in store.nodes(store.ids())}


@pytest.mark.parametrize("known", [0, 1])
def test_files_that_go_after_a_kill_leave_the_store(
    tmp_path: Path, folder: Path, open_store: OpenStore, known: int
) -> None:
    store = open_store("first")
    if known:
        # The first run never wrote a list, this one has one that knows nothing of the files to come.
        (folder / "known.txt").write_text("known")
        index_directory(folder, store)
    _write(folder, 40)

    def kill(done: int, total: int, file: str) -> None:
        if done == 36:
            # What is on the disk now is what a kill would leave.
            shutil.copytree(tmp_path / "first", tmp_path / "killed")

    index_directory(folder, store, progress=kill)
    killed = open_store("killed")
    assert len(_names(killed)) == 32 + known
    (folder / "00.txt").unlink()
    (folder / "01.txt").rename(folder / "renamed.txt")
    report = index_directory(folder, killed)
    assert report.removed == 2
    assert _names(killed) == {path.name for path in folder.iterdir()}


def test_files_that_go_after_the_store_failed_half_way_leave_it(
    folder: Path, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "known.txt").write_text("known")
    store = open_store()
    index_directory(folder, store)
    _write(folder, 40)
    add = Store.add

    def full(self: Store, nodes: Sequence[BaseNode]) -> Any:
        add(self, nodes[:5])
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "add", full)
        with pytest.raises(StoreError, match=r"the disk is full"):
            index_directory(folder, store)
    assert store.count() == 6
    (folder / "00.txt").unlink()
    report = index_directory(folder, store)
    assert (report.removed, report.failed) == (1, ())
    assert _names(store) == {path.name for path in folder.iterdir()}
    assert index_directory(folder, store).unchanged == 40


def test_a_lost_list_is_made_good_although_there_is_a_journal(
    tmp_path: Path, folder: Path, open_store: OpenStore
) -> None:
    _write(folder, 3)
    store = open_store()
    index_directory(folder, store)
    (tmp_path / "store/files.json").unlink()
    (tmp_path / "store/files.pending.jsonl").write_text(f'\n["{folder}/02.txt"]')
    (folder / "00.txt").unlink()
    assert index_directory(folder, store).removed == 1
    assert _names(store) == {"01.txt", "02.txt"}


def test_a_run_that_ends_well_leaves_no_journal(tmp_path: Path, folder: Path, open_store: OpenStore) -> None:
    _write(folder, 2)
    index_directory(folder, open_store())
    assert not (tmp_path / "store/files.pending.jsonl").exists()
