"""A store of passages: Chroma for the vectors and texts, BM25 beside it, and a note of which embedder made it."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from llama_index.core.schema import BaseNode, MetadataMode
from llama_index.core.vector_stores.types import MetadataFilters
from numpy.typing import NDArray

from tamis.core.errors import BadInput, EmbedderMismatch, StoreError, StoreMissing
from tamis.core.media import MediaPolicy
from tamis.models import Embedder
from tamis.nodes import content_of

from .bm25 import Bm25, counted_node
from .chroma_corpus import ChromaCorpus, reported
from .corpus import unit
from .database import LOCK, Database, Remote, server_client
from .embedding import TamisEmbedding, embedder_of, spec_of
from .lock import WriterLock
from .manifest import FILE, Manifest
from .place import EMBEDDED_HNSW, HNSW, cache_folder, server_of
from .records import Record, checked, replacing

if TYPE_CHECKING:
    from llama_index.core import VectorStoreIndex
    from llama_index.core.callbacks import CallbackManager
    from llama_index.vector_stores.chroma import ChromaVectorStore

    from .hybrid import Fusion, HybridRetriever
    from .sources import Calibrations

DEFAULT_EMBEDDER = "all-MiniLM-L6-v2"
_MANIFEST_KEY = "tamis_manifest"
_BATCH = 1000
# What LlamaIndex writes for a passage that comes from no document.
_NO_SOURCE = "None"


class Store:
    """Passages with their vectors, in a folder (embedded Chroma) or on a Chroma server. Use ``Store.open``.

    A folder holds ``manifest.json``, ``chroma/`` (an ordinary Chroma database), ``bm25/`` and ``writer.lock``. Any
    number of processes may read; one at a time writes. What has been added survives a crash: at worst the BM25 index
    is brought up to date at the next query.
    """

    def __init__(
        self,
        name: str,
        database: "Database | Remote",
        manifest: Manifest,
        embedder: Embedder,
        corpus: ChromaCorpus,
        bm25_folder: Path,
        media: MediaPolicy,
    ) -> None:
        self.name = name
        self.manifest = manifest
        self.embedder = embedder
        self.media = media
        self.embed_model = TamisEmbedding(embedder=embedder, media=media)
        self.corpus = corpus
        self.bm25 = Bm25(corpus, bm25_folder)
        self._database = database
        self._closed = False

    @classmethod
    def open(
        cls,
        place: str | os.PathLike[str],
        embedder: Embedder | str | None = None,
        create: bool = False,
        collection: str = "tamis",
        *,
        media: MediaPolicy | None = None,
        bm25_folder: str | os.PathLike[str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> "Store":
        """The store in a folder or at a Chroma server's URL (``http://HOST:PORT``).

        ``embedder`` is by default the one that made the store, and all-MiniLM-L6-v2 for a new one. ``create`` makes
        the store if there is none. ``media`` allows images of nodes and queries to be opened. ``bm25_folder`` is for
        servers: where this machine keeps the BM25 index, by default in the user's cache. ``headers`` go to the server.

        Raises StoreMissing, EmbedderMismatch, StoreLocked (while another process makes it), StoreError.
        """
        given = None if embedder is None else embedder_of(embedder)
        policy = media or MediaPolicy()
        side = None if bm25_folder is None else Path(bm25_folder)
        if server := server_of(place):
            name = os.fspath(place)
            remote = Remote(server_client(server, headers))
            try:
                with reported():
                    manifest = _on_server(remote.client(), name, collection, given, create)
                used = _same(manifest, given, name)
                with reported():
                    corpus = ChromaCorpus(partial(remote.collection, collection))
            except BaseException:
                remote.release()
                raise
            return cls(name, remote, manifest, used, corpus, side or cache_folder(name, collection), policy)
        name = str(Path(place).absolute())
        # One store must not be opened twice under two names: each would save its own vector index over the other's.
        folder = Path(os.path.realpath(place))
        if not (folder / FILE).exists():
            if not create:
                raise StoreMissing(f"there is no store in {name}; make one with `tamis index DIR --store {place}`")
            _make(folder, collection, given or embedder_of(DEFAULT_EMBEDDER))
        manifest = Manifest.load(folder)
        if manifest.collection != collection:
            raise StoreMissing(f'the store in {name} has no collection "{collection}", it has "{manifest.collection}"')
        used = _same(manifest, given, name)
        database = Database.at(folder)
        try:
            with reported():
                database.client().get_or_create_collection(
                    collection, configuration={"hnsw": EMBEDDED_HNSW}, embedding_function=None
                )
                corpus = ChromaCorpus(partial(database.collection, collection), folder / "chroma", database.refresh)
        except BaseException:
            database.release()
            raise
        return cls(name, database, manifest, used, corpus, side or folder / "bm25", policy)

    @property
    def dimensions(self) -> int:
        """Length of the vectors."""
        return self.manifest.dimensions

    @property
    def vector_store(self) -> "ChromaVectorStore":
        """LlamaIndex's view of the same collection. Take it anew after other processes have written to the store."""
        from llama_index.vector_stores.chroma import ChromaVectorStore

        self._database.shared = True
        return ChromaVectorStore.from_collection(self._collection)

    @property
    def index(self) -> "VectorStoreIndex":
        """LlamaIndex's vector index over the same collection, with the store's embedder.

        What is inserted or deleted through it is found by the hybrid retriever too.
        """
        from llama_index.core import VectorStoreIndex

        return VectorStoreIndex.from_vector_store(self.vector_store, embed_model=self.embed_model)

    def __len__(self) -> int:
        return self.count()

    def __bool__(self) -> bool:
        """Always true: an empty store is a store."""
        return True

    def count(self) -> int:
        """How many passages there are."""
        return self.corpus.count()

    def ids(self) -> list[str]:
        """The ids of all passages, sorted."""
        return sorted(self.corpus.ids())

    def nodes(self, ids: Sequence[str]) -> list[BaseNode]:
        """The nodes of these ids, in their order; what is not in the store is left out."""
        found = self.corpus.nodes(ids)
        return [found[id] for id in ids if id in found]

    def add(self, nodes: Sequence[BaseNode]) -> list[str]:
        """Stores nodes, and returns their ids. A node whose id is there already is replaced.

        Nodes without an embedding are embedded, text as LlamaIndex embeds it (``MetadataMode.EMBED``), images where
        the embedder sees them. The nodes are not changed. All are checked before the first is stored. Raises
        BadInput for a node that cannot be stored whole (see ``records.checked``) or embedded, StoreLocked.
        """
        records = checked(nodes)
        for node in nodes:
            self._check_embedding(node)
        with self.writing():
            for begin in range(0, len(records), _BATCH):
                part = slice(begin, begin + _BATCH)
                vectors = self._vectors(nodes[part])
                words = {node.node_id: counted_node(node) for node in nodes[part]}
                with self.bm25.writing():
                    self._upsert(records[part], vectors)
                    self.bm25.changed(
                        words,
                        vectors={record.id: unit(row) for record, row in zip(records[part], vectors, strict=True)},
                    )
        return [record.id for record in records]

    def delete(self, ids: Sequence[str]) -> None:
        """Removes passages; ids that are not there are passed over. Raises StoreLocked."""
        gone = _distinct(ids)
        with self.writing():
            for begin in range(0, len(gone), _BATCH):
                part = gone[begin : begin + _BATCH]
                with self.bm25.writing(), reported():
                    self._collection.delete(ids=part)
                    self.bm25.changed({}, part)

    def delete_documents(self, ref_doc_ids: Sequence[str]) -> list[str]:
        """Removes all passages of these source documents, and returns their ids. Raises StoreLocked."""
        wanted = _distinct(ref_doc_ids)
        found: list[str] = []
        with self.writing():
            if _NO_SOURCE in wanted:
                wanted.remove(_NO_SOURCE)
                found += [node.node_id for node in self.nodes(self._of([_NO_SOURCE])) if node.ref_doc_id == _NO_SOURCE]
            for begin in range(0, len(wanted), _BATCH):
                found += self._of(wanted[begin : begin + _BATCH])
            self.delete(found)
        return found

    @contextlib.contextmanager
    def writing(self) -> Iterator["Store"]:
        """Keeps other processes from writing for a while, such as for a whole indexing run. Raises StoreLocked."""
        with self._database.writing():
            yield self

    def retriever(
        self,
        *,
        similarity_top_k: int = 50,
        source_top_k: int = 100,
        fusion: "Fusion" = "rrf",
        rrf_k: float = 60,
        weights: Mapping[str, float] | None = None,
        calibrations: "Calibrations | None" = None,
        filters: MetadataFilters | None = None,
        media: MediaPolicy | None = None,
        callback_manager: "CallbackManager | None" = None,
    ) -> "HybridRetriever":
        """A ``HybridRetriever`` over this store; see there for the settings."""
        from .hybrid import HybridRetriever

        return HybridRetriever.from_store(
            self,
            similarity_top_k=similarity_top_k,
            source_top_k=source_top_k,
            fusion=fusion,
            rrf_k=rrf_k,
            weights=weights,
            calibrations=calibrations,
            filters=filters,
            media=media,
            callback_manager=callback_manager,
        )

    def flush(self) -> None:
        """Saves the BM25 index now; ``close`` does it too."""
        self.bm25.flush()

    def close(self) -> None:
        """Saves the BM25 index and lets go of Chroma's files. The store is not used after that."""
        if self._closed:
            return
        self._closed = True
        self.flush()
        self._database.release()

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _collection(self) -> Any:
        return self._database.collection(self.manifest.collection)

    def _of(self, ref_doc_ids: Sequence[str]) -> list[str]:
        """The ids of the passages that are written down as of these source documents."""
        with reported():
            found = self._collection.get(where={"ref_doc_id": {"$in": list(ref_doc_ids)}}, include=[])
        return list(found["ids"])

    def _check_embedding(self, node: BaseNode) -> None:
        if node.embedding is None:
            return
        if len(node.embedding) != self.dimensions:
            raise BadInput(
                f'the embedding of the node "{node.node_id}" has {len(node.embedding)} dimensions; '
                f"the store's vectors have {self.dimensions}"
            )
        if not np.isfinite(node.embedding).all():
            raise BadInput(f'the embedding of the node "{node.node_id}" has values that are not finite')

    def _vectors(self, nodes: Sequence[BaseNode]) -> NDArray[np.float32]:
        """The nodes' own embeddings, the missing ones made: shape (len(nodes), dimensions)."""
        vectors = np.zeros((len(nodes), self.dimensions), np.float32)
        missing = [row for row, node in enumerate(nodes) if node.embedding is None]
        if missing:
            contents = [content_of(nodes[row], MetadataMode.EMBED) for row in missing]
            vectors[missing] = self.embed_model.embed(contents, "passage")
        for row, node in enumerate(nodes):
            if node.embedding is not None:
                vectors[row] = node.embedding
        return vectors

    def _upsert(self, records: Sequence[Record], vectors: NDArray[np.float32]) -> None:
        ids = [record.id for record in records]
        with reported():
            stored = self._collection.get(ids=ids, include=["metadatas"])
            old = dict(zip(stored["ids"], stored["metadatas"], strict=True))
            self._collection.upsert(
                ids=ids,
                embeddings=vectors,
                documents=[record.text for record in records],
                metadatas=[replacing(record, old.get(record.id)) for record in records],
            )


def _distinct(ids: Sequence[str]) -> list[str]:
    # A text is a sequence too, of ids of one letter: nothing must be deleted by them.
    if isinstance(ids, str):
        raise BadInput(f"ids is the text {ids!r}; give a list of ids")
    return list(dict.fromkeys(ids))


def _make(folder: Path, collection: str, embedder: Embedder) -> None:
    """A new store's folder. The manifest comes last: without it there is no store, and making it can be tried again."""
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"{folder} is a file; a store needs a folder of its own")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with WriterLock(folder / LOCK):
            if not (folder / FILE).exists():
                _manifest(collection, embedder).save(folder)
    except OSError as error:
        raise StoreError(f"no store can be made in {folder}: {error}") from error


def _manifest(collection: str, embedder: Embedder) -> Manifest:
    return Manifest(embedder.name, embedder.dimensions, collection, spec_of(embedder))


def _on_server(client: Any, place: str, collection: str, embedder: Embedder | None, create: bool) -> Manifest:
    """The manifest of a collection on a server, which is kept in the collection's metadata."""
    from chromadb.errors import NotFoundError

    try:
        held = client.get_collection(collection, embedding_function=None)
    except NotFoundError as error:
        if not create:
            raise StoreMissing(
                f'{place} has no collection "{collection}"; make one with `tamis index DIR --store {place}`'
            ) from error
        manifest = _manifest(collection, embedder or embedder_of(DEFAULT_EMBEDDER))
        held = client.get_or_create_collection(
            collection,
            configuration={"hnsw": HNSW},
            metadata={_MANIFEST_KEY: manifest.to_json()},
            embedding_function=None,
        )
    written = (held.metadata or {}).get(_MANIFEST_KEY)
    if written is None:
        raise StoreError(
            f'the collection "{collection}" at {place} was not made by Tamis; '
            "use HybridRetriever.from_index, or another collection"
        )
    return Manifest.from_json(written, f'the manifest of "{collection}" at {place}')


def _same(manifest: Manifest, given: Embedder | None, place: str) -> Embedder:
    """The embedder that made the store: the given one, if it is that, or made again from what is written down."""
    if given is None:
        if "name" not in manifest.spec:
            raise StoreError(
                f'the store at {place} was made with the embedder "{manifest.embedder}", which has no registered name; '
                "pass it: Store.open(..., embedder=...)"
            )
        return embedder_of(dict(manifest.spec))
    if given.name != manifest.embedder:
        raise EmbedderMismatch(
            f'the store at {place} was made with the embedder "{manifest.embedder}" and cannot be used with '
            f'"{given.name}"; use the first, or build a new store'
        )
    if given.dimensions != manifest.dimensions:
        raise EmbedderMismatch(
            f'the store at {place} has vectors of {manifest.dimensions} dimensions by "{manifest.embedder}"; '
            f'this "{given.name}" makes {given.dimensions}'
        )
    return given
