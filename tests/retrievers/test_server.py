"""A real Chroma server on this machine, used as a store by URL."""

import asyncio
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_index.core.schema import TextNode

from tamis.core.errors import EmbedderMismatch, StoreError, StoreMissing
from tamis.nodes import Candidate
from tamis.retrievers import Store
from tamis.retrievers.database import Remote
from tamis.testing import FakeEmbedder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server with an empty database."""
    program = Path(sys.executable).with_name("chroma")
    if not program.exists():
        pytest.skip("the chroma command is not installed beside this Python")
    port, folder = free_port(), tmp_path_factory.mktemp("server")
    command = [str(program), "run", "--path", str(folder), "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v2/heartbeat", timeout=2).close()
                break
            except (urllib.error.URLError, OSError):
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.skip(f"the Chroma server did not start: {(folder / 'log.txt').read_text()[-500:]}")
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_a_store_on_a_server_is_made_filled_searched_and_opened_again(server: str, tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match="no collection"):
        Store.open(server, bm25_folder=tmp_path)
    with Store.open(server, FakeEmbedder(), create=True, bm25_folder=tmp_path) as store:
        store.add([TextNode(id_="bus", text="a red bus"), TextNode(id_="car", text="a blue car")])
        found = store.retriever().retrieve("red bus")
        assert [one.node.node_id for one in found] == ["bus", "car"]
        store.add([TextNode(id_="car", text="a red car", metadata={"n": 1})])
        store.delete(["bus"])
        assert [one.node.node_id for one in asyncio.run(store.retriever().aretrieve("red"))] == ["car"]
    with Store.open(server, bm25_folder=tmp_path) as store:
        assert store.embedder == FakeEmbedder()
        assert store.ids() == ["car"]
        store.index.insert_nodes([TextNode(id_="zebra", text="a zebra")])
        assert store.retriever().retrieve("zebra")[0].node.node_id == "zebra"
        store.index.delete_nodes(["zebra"])
        store.index.insert_nodes([TextNode(id_="lion", text="a lion")])
        [lion, _] = store.retriever().retrieve("lion")
        assert isinstance(lion, Candidate)
        assert lion.node.node_id == "lion"
        assert lion.hits["bm25"].rank == 1
    with pytest.raises(EmbedderMismatch, match=r"fake-64.*fake-32"):
        Store.open(server, FakeEmbedder(32), bm25_folder=tmp_path)


def test_a_collection_that_tamis_did_not_make_is_refused(server: str, tmp_path: Path) -> None:
    import chromadb
    from chromadb.config import Settings

    host, port = server.removeprefix("http://").split(":")
    client = chromadb.HttpClient(host=host, port=int(port), settings=Settings(anonymized_telemetry=False))
    client.create_collection("foreign", embedding_function=None)
    with pytest.raises(StoreError, match="from_index"):
        Store.open(server, collection="foreign", bm25_folder=tmp_path)
    Remote(client).release()


def test_no_server_is_a_missing_store(tmp_path: Path) -> None:
    port = free_port()
    with pytest.raises(StoreMissing, match=str(port)):
        Store.open(f"http://127.0.0.1:{port}", bm25_folder=tmp_path)
