"""Any LlamaIndex vector index as a corpus, through LlamaIndex's own calls."""

from collections.abc import Iterator, Mapping, Sequence

from llama_index.core import VectorStoreIndex
from llama_index.core.schema import BaseNode, MetadataMode
from llama_index.core.vector_stores import SimpleVectorStore
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryResult,
)
from llama_index.core.vector_stores.utils import build_metadata_filter_fn

from tamis.core.errors import BadInput, StoreError
from tamis.nodes import broken_templates

from .chroma_corpus import ChromaCorpus
from .corpus import Corpus, Nearest, Passage, Vectors, Version, unit
from .threads import in_thread


def corpus_of(index: VectorStoreIndex, nodes: Sequence[BaseNode] | None = None) -> Corpus:
    """The corpus behind a vector index; Chroma's collections are searched directly."""
    store = index.vector_store
    if nodes is None and store.class_name() == "ChromaVectorStore":
        return ChromaCorpus(lambda: store.client)
    return IndexCorpus(index, nodes)


class IndexCorpus:
    """Searches a vector index by its vector store's ``query`` (``aquery`` where the store has one of its own).

    Texts are in the vector store or, as with ``SimpleVectorStore``, in the index's docstore. ``nodes`` are the
    passages of a vector store that cannot list its own: then they are what BM25 counts, once and for all.
    """

    def __init__(self, index: VectorStoreIndex, nodes: Sequence[BaseNode] | None = None) -> None:
        self._index = index
        self._store: BasePydanticVectorStore = index.vector_store
        self._given = None if nodes is None else {node.node_id: node for node in nodes}
        # What most stores leave as it is calls the blocking query on the event loop.
        self._truly_async = type(self._store).aquery is not BasePydanticVectorStore.aquery

    @property
    def cosine(self) -> bool:
        """Only LlamaIndex's own store says what its similarities are."""
        return isinstance(self._store, SimpleVectorStore)

    @property
    def exact_version(self) -> bool:
        """Never: LlamaIndex's stores do not tell that they have changed."""
        return False

    def version(self) -> Version:
        """How many passages there are, where that can be told without reading them all."""
        if self._given is not None:
            return ("given", len(self._given))
        if isinstance(self._store, SimpleVectorStore):
            return ("simple", len(self._store.data.embedding_dict), hash(frozenset(self._hashes().items())))
        return ("index", len(self._index.index_struct.nodes_dict))

    def changed_since(self, version: Version) -> set[str] | None:
        """Nobody knows."""
        return None

    def count(self) -> int:
        """How many passages there are."""
        return len(self.ids())

    def ids(self) -> list[str]:
        """All ids."""
        if self._given is not None:
            return list(self._given)
        if isinstance(self._store, SimpleVectorStore):
            stored = self._store.data.embedding_dict
            # The same store may serve several indexes.
            return [id for id in dict.fromkeys(self._index.index_struct.nodes_dict.values()) if id in stored]
        if not self._store.stores_text:
            return list(dict.fromkeys(self._index.index_struct.nodes_dict.values()))
        return [node.node_id for node in self._listed()]

    def passages(self) -> Iterator[Passage]:
        """All passages with their texts."""
        nodes = self._listed() if self._given is None and self._store.stores_text else self.nodes(self.ids()).values()
        for node in nodes:
            yield Passage(node.node_id, node.get_content(MetadataMode.NONE))

    def nodes(self, ids: Sequence[str]) -> dict[str, BaseNode]:
        """Copies of the nodes of these ids."""
        if not ids:
            # Several vector stores take an empty list for "all".
            return {}
        if self._given is not None:
            found = [self._given[id] for id in ids if id in self._given]
        elif not self._store.stores_text:
            present = set(self.ids())
            found = self._index.docstore.get_nodes([id for id in ids if id in present], raise_error=False)
        else:
            try:
                found = self._store.get_nodes(list(ids))
            except NotImplementedError as error:
                raise self._cannot_list() from error
        return {node.node_id: _copy(node) for node in found if node is not None}

    def nearest(self, vector: Sequence[float], depth: int, filters: MetadataFilters | None) -> Nearest:
        """The nearest passages; equal similarities in the order of ids."""
        try:
            return self._read(self._store.query(self._query(vector, depth, filters)))
        except ValueError as error:
            raise BadInput(f"{type(self._store).__name__} does not take this query: {error}") from error

    async def anearest(self, vector: Sequence[float], depth: int, filters: MetadataFilters | None) -> Nearest:
        """The same by the store's own asynchronous call, or in a thread."""
        if not self._truly_async:
            return await in_thread(self.nearest, vector, depth, filters)
        try:
            return self._read(await self._store.aquery(self._query(vector, depth, filters)))
        except ValueError as error:
            raise BadInput(f"{type(self._store).__name__} does not take this query: {error}") from error

    def vectors(self, ids: Sequence[str]) -> Vectors:
        """The vectors in LlamaIndex's own store; other stores give none out."""
        if not isinstance(self._store, SimpleVectorStore):
            return {}
        stored = self._store.data.embedding_dict
        return {id: unit(stored[id]) for id in ids if id in stored}

    def matching(self, filters: MetadataFilters) -> set[str]:
        """The ids of the nodes whose metadata the filters let through, by LlamaIndex's own reading of them."""
        metadata = {node.node_id: node.metadata for node in self.nodes(self.ids()).values()}
        lets_through = build_metadata_filter_fn(lambda id: metadata[id], filters)
        return {id for id in metadata if lets_through(id)}

    def _query(self, vector: Sequence[float], depth: int, filters: MetadataFilters | None) -> VectorStoreQuery:
        # A store that keeps no texts may be shared by several indexes; this one's nodes are those it has texts for.
        own = None if self._store.stores_text or self._given is not None else self.ids()
        return VectorStoreQuery(query_embedding=list(vector), similarity_top_k=depth, filters=filters, node_ids=own)

    def _read(self, result: VectorStoreQueryResult) -> Nearest:
        ids = list(result.ids) if result.ids is not None else [node.node_id for node in result.nodes or ()]
        if not self._store.stores_text:
            # Some of these number their vectors; the index knows whose they are.
            ids = [self._index.index_struct.nodes_dict.get(id, id) for id in ids]
        similarities = result.similarities if result.similarities is not None else [0.0] * len(ids)
        best = sorted(zip(ids, map(float, similarities), strict=True), key=lambda pair: (-pair[1], pair[0]))
        return Nearest([id for id, _ in best], [similarity for _, similarity in best])

    def _listed(self) -> list[BaseNode]:
        try:
            return list(self._store.get_nodes())
        except (NotImplementedError, TypeError) as error:
            raise self._cannot_list() from error

    def _cannot_list(self) -> StoreError:
        return StoreError(
            f"{type(self._store).__name__} cannot list its nodes, so BM25 has nothing to count; "
            "give them: HybridRetriever.from_index(index, nodes=...)"
        )

    def _hashes(self) -> Mapping[str, str]:
        """Hash of each node in the docstore, which changes with its text."""
        return {id: hash for hash, id in self._index.docstore.get_all_document_hashes().items()}


def _copy(node: BaseNode) -> BaseNode:
    return node.model_copy(update={"metadata": dict(node.metadata), **broken_templates(node)})
