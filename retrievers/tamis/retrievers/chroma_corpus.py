"""A Chroma collection as a corpus: ids and distances first, texts only for what is shown."""

import contextlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import MetadataFilters
from numpy.typing import NDArray

from tamis.core.errors import BadInput, StoreError, TamisError

from .chroma_file import ChromaFile
from .corpus import Nearest, Passage, Vectors, Version, unit
from .filters import chroma_where
from .records import readable_node
from .threads import in_thread

logger = logging.getLogger(__name__)

# Ids asked for at once; more makes SQLite's statements long and saves nothing.
_BATCH = 2000


class ChromaCorpus:
    """Searches a ``chromadb.Collection`` without building the nodes of what is only counted or compared.

    ``collection`` gives the collection, which may be another object each time, and ``refresh`` is called before the
    version is looked at. ``folder`` is where an embedded Chroma keeps its files; by default it is found out. With it
    every change is noticed by one look into Chroma's log; without (a server, or memory only) by the count.
    """

    def __init__(
        self, collection: Callable[[], Any], folder: Path | None = None, refresh: Callable[[], None] | None = None
    ) -> None:
        self._get_collection = collection
        self._refresh = refresh
        file = _database(collection()) if folder is None else folder / "chroma.sqlite3"
        self._file = None if file is None else ChromaFile(file)
        # As JSON: read as objects, a collection without an embedding function of Chroma's own draws a warning.
        configuration = collection().configuration_json
        settings = configuration.get("hnsw") or configuration.get("spann") or {}
        self._space = str(settings.get("space", "l2"))
        self._unit_vectors: bool | None = True if self._space == "cosine" else None
        self._damaged: set[str] = set()

    @property
    def _collection(self) -> Any:
        return self._get_collection()

    @property
    def cosine(self) -> bool:
        """Whether similarities are cosines: in Chroma's cosine space, and elsewhere if the vectors are of length 1."""
        if self._unit_vectors is None:
            with reported():
                sample = self._collection.get(limit=16, include=["embeddings"])["embeddings"]
            if not len(sample):
                return True
            self._unit_vectors = bool(np.allclose(np.linalg.norm(sample, axis=1), 1.0, atol=1e-3))
        return self._unit_vectors

    @property
    def exact_version(self) -> bool:
        """Whether ``version`` is read from Chroma's log."""
        return self._position() is not None

    def version(self) -> Version:
        """The collection and the last entry of Chroma's log, or how many passages there are."""
        if self._refresh is not None:
            self._refresh()
        position = self._position()
        return (str(self._collection.id), "count", self.count()) if position is None else (
            str(self._collection.id), "log", position
        )  # fmt: skip

    def changed_since(self, version: Version) -> set[str] | None:
        """The ids that were added, changed or deleted since a version, while Chroma's log goes back to it."""
        collection = str(self._collection.id)
        if self._file is None or version[:2] != (collection, "log"):
            return None
        return self._file.changed_since(collection, int(version[2]))

    def count(self) -> int:
        """How many passages the collection has."""
        with reported():
            return int(self._collection.count())

    def ids(self) -> list[str]:
        """All ids."""
        with reported():
            return list(self._collection.get(include=[])["ids"])

    def passages(self) -> Iterator[Passage]:
        """All passages with their texts."""
        for some in _batches(self.ids()):
            with reported():
                found = self._collection.get(ids=some, include=["documents"])
            for id, text in zip(found["ids"], found["documents"], strict=True):
                yield Passage(id, text or "")

    def nodes(self, ids: Sequence[str]) -> dict[str, BaseNode]:
        """The nodes of these ids; what is not in the collection is left out, and what is damaged, with a warning."""
        nodes: dict[str, BaseNode | None] = {}
        for some in _batches(list(dict.fromkeys(ids))):
            records = (self._file and self._file.records(str(self._collection.id), some)) or {}
            for id, (text, content, kind) in records.items():
                nodes[id] = readable_node(id, text, {"_node_content": content, "_node_type": kind})
            if others := [id for id in some if id not in nodes]:
                with reported():
                    found = self._collection.get(ids=others, include=["documents", "metadatas"])
                for id, document, metadata in zip(found["ids"], found["documents"], found["metadatas"], strict=True):
                    nodes[id] = readable_node(id, document or "", metadata or {})
        self._tell_of([id for id, node in nodes.items() if node is None])
        return {id: node for id, node in nodes.items() if node is not None}

    def nearest(self, vector: Sequence[float], depth: int, filters: MetadataFilters | None) -> Nearest:
        """The nearest passages; equal similarities in the order of ids."""
        query = np.asarray(vector, dtype=np.float32)
        if self._space == "l2" and self.cosine:
            # Among vectors of length 1 the order is the same, and the distance then tells the cosine.
            query = unit(query)
        with reported():
            found = self._collection.query(
                query_embeddings=[query], n_results=depth, where=chroma_where(filters), include=["distances"]
            )
        similarities = self._similarity(np.asarray(found["distances"][0], dtype=float)).tolist()
        gone = self._still_damaged(found["ids"][0])
        pairs = zip([-similarity for similarity in similarities], found["ids"][0], strict=True)
        best = sorted(pair for pair in pairs if pair[1] not in gone)
        return Nearest([id for _, id in best], [-negative for negative, _ in best])

    async def anearest(self, vector: Sequence[float], depth: int, filters: MetadataFilters | None) -> Nearest:
        """The same in a thread; Chroma's own asynchronous client needs another client object."""
        return await in_thread(self.nearest, vector, depth, filters)

    def vectors(self, ids: Sequence[str]) -> Vectors:
        """The vectors of these ids, where the space is that of cosines."""
        from chromadb.errors import InternalError

        if not ids or not self.cosine:
            return {}
        try:
            with reported():
                found = self._collection.get(ids=list(ids), include=["embeddings"])
        except StoreError as error:
            if isinstance(error.__cause__, InternalError):
                # Another process added one of them: its text is in the database, its vector not in this process yet.
                return {}
            raise
        if not found["ids"]:
            return {}
        vectors = np.asarray(found["embeddings"], dtype=np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return dict(zip(found["ids"], vectors / np.where(lengths > 0, lengths, 1), strict=True))

    def matching(self, filters: MetadataFilters) -> set[str]:
        """The ids that Chroma finds with the filters."""
        with reported():
            return set(self._collection.get(where=chroma_where(filters), include=[])["ids"])

    def _still_damaged(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids whose node was damaged and is not replaced yet: nobody need look for them at each query."""
        known = self._damaged.intersection(ids)
        return known - self.nodes(sorted(known)).keys() if known else known

    def _tell_of(self, damaged: Sequence[str]) -> None:
        """One warning about each passage, however often it is found."""
        if new := [id for id in damaged if id not in self._damaged]:
            self._damaged.update(new)
            logger.warning(
                'passages with a damaged LlamaIndex node are left out: %d, such as "%s"; add them anew, or delete them',
                len(new), new[0],
            )  # fmt: skip

    def _position(self) -> int | None:
        return None if self._file is None else self._file.position()

    def _similarity(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Chroma's distances turned round: cosines where they tell them, else higher for nearer."""
        if self._space == "l2":
            return 1.0 - distances / 2.0 if self.cosine else -distances
        return 1.0 - distances


def _database(collection: Any) -> Path | None:
    """The file of an embedded Chroma that a collection belongs to; None for a server's or one in memory."""
    client = getattr(collection, "_client", None)
    get_settings = getattr(client, "get_settings", None)
    if get_settings is None:
        return None
    settings = get_settings()
    embedded = settings.is_persistent and settings.chroma_server_host is None
    return Path(settings.persist_directory).absolute() / "chroma.sqlite3" if embedded else None


def _batches(ids: list[str]) -> Iterator[list[str]]:
    for begin in range(0, len(ids), _BATCH):
        yield ids[begin : begin + _BATCH]


@contextlib.contextmanager
def reported() -> Iterator[None]:
    """Chroma's errors as Tamis's own."""
    import httpx
    from chromadb.errors import ChromaError, InvalidArgumentError, InvalidDimensionException

    try:
        yield
    except TamisError:
        raise
    except json.JSONDecodeError as error:
        raise StoreError(f"the Chroma server's answer cannot be read: {error}; is it a Chroma server?") from error
    except (InvalidDimensionException, InvalidArgumentError, ValueError) as error:
        raise BadInput(f"Chroma does not take this: {error}") from error
    except ChromaError as error:
        raise StoreError(f"Chroma failed: {error}") from error
    except httpx.HTTPError as error:
        raise StoreError(f"no answer from the Chroma server: {error}; is it running?") from error
