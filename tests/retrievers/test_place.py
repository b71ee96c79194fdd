"""One store under several names, and in a forked process: it is the same store, and loses nothing."""

import os
import random
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from llama_index.core.schema import TextNode

from tamis.core.errors import StoreMissing
from tamis.retrievers import Store
from tamis.testing import FakeEmbedder

PROBE = [1.0] * 64


def by_link(store: Path) -> Path:
    (store.parent / "link").symlink_to(store)
    return store.parent / "link"


def by_dots(store: Path) -> Path:
    (store.parent / "beside").mkdir()
    return store.parent / "beside" / ".." / store.name


@pytest.mark.parametrize("other_name", [by_link, by_dots])
def test_a_store_opened_under_two_names_keeps_every_vector(tmp_path: Path, other_name: Callable[[Path], Path]) -> None:
    folder = tmp_path / "store"
    Store.open(folder, FakeEmbedder(), create=True).close()
    first, second = Store.open(folder), Store.open(other_name(folder))
    for place, store in enumerate((first, second, first, second)):
        store.add([TextNode(id_=f"{place} {number}", text=f"word{number}") for number in range(30)])
    for store in (first, second):
        assert len(store.corpus.nearest(PROBE, 500, None).ids) == store.count() == 120
    first.close()
    second.close()
    with Store.open(folder) as again:
        assert len(again.corpus.nearest(PROBE, 500, None).ids) == 120


def test_messages_have_the_name_that_was_given(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(StoreMissing, match="link"):
        Store.open(tmp_path / "link")
    with Store.open(tmp_path / "link", FakeEmbedder(), create=True) as store:
        assert store.name == str(tmp_path / "link")
    assert (tmp_path / "real" / "manifest.json").exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_searches_and_adds(tmp_path: Path) -> None:
    with Store.open(tmp_path, FakeEmbedder(), create=True) as store:
        store.add([TextNode(id_="bus", text="a red bus")])
        retriever = store.retriever()
        retriever.retrieve("red bus")
        child = os.fork()
        if child == 0:
            try:
                found = [one.node.node_id for one in retriever.retrieve("red bus")]
                store.add([TextNode(id_="car", text="a red car")])
                os._exit(0 if found == ["bus"] else 1)
            finally:
                os._exit(2)
        assert ended(child) == 0
        assert {one.node.node_id for one in retriever.retrieve("red")} == {"bus", "car"}


def ended(child: int) -> int:
    """The exit code of a process that has half a minute."""
    for _ in range(300):
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.1)
    os.kill(child, 9)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_every_process_finds_the_same(tmp_path: Path) -> None:
    code = """
        import hashlib, sys
        import numpy as np
        from tamis.retrievers import Store
        with Store.open(sys.argv[1]) as store:
            asked = np.random.default_rng(1).standard_normal((30, 64)).tolist()
            print(hashlib.sha256(str([store.corpus.nearest(one, 50, None).ids for one in asked]).encode()).hexdigest())
    """

    draw = random.Random(0)
    texts = [" ".join(f"word{draw.randrange(500)}" for _ in range(12)) for _ in range(900)]
    with Store.open(tmp_path / "store", FakeEmbedder(), create=True) as store:
        store.add([TextNode(id_=str(number), text=text) for number, text in enumerate(texts)])
    found = [
        subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "store")],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    assert found[0] == found[1] != ""
