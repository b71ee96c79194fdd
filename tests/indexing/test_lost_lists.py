"""A list of files that is lost, or does not fit its store, costs time and nothing else."""

from pathlib import Path

import pytest

from tamis.indexing import index_directory
from tamis.retrievers import Store

from .conftest import OpenStore


def _content(store: Store) -> dict[str, str]:
    return {node.node_id: node.get_content() for node in store.nodes(store.ids())}


@pytest.mark.parametrize("torn", ["", "{", "[]", '{"docstore/metadata": 5}'])
def test_a_torn_list_of_files_costs_time_and_makes_no_double(
    tmp_path: Path, folder: Path, open_store: OpenStore, torn: str
) -> None:
    (folder / "a.md").write_text("# A\n\none\n\n# B\n\ntwo")
    store = open_store()
    index_directory(folder, store)
    before = _content(store)
    (folder / "gone.txt").write_text("deleted while nobody knew")
    index_directory(folder, store)
    (folder / "gone.txt").unlink()
    (tmp_path / "store/files.json").write_text(torn)
    report = index_directory(folder, store)
    assert (report.changed, report.removed) == (1, 1)
    assert _content(store) == before


def test_a_store_that_somebody_emptied_is_filled_again(folder: Path, open_store: OpenStore) -> None:
    (folder / "a.txt").write_text("text")
    store = open_store()
    index_directory(folder, store)
    store.delete(store.ids())
    assert index_directory(folder, store).new == 1
    assert store.count() == 1
