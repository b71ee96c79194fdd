"""A Store as the vector store of LlamaIndex's ingestion pipeline: vectors and BM25 follow together."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import BasePydanticVectorStore, VectorStoreQuery, VectorStoreQueryResult

if TYPE_CHECKING:
    from tamis.retrievers import Store


class StoreSink(BasePydanticVectorStore):
    """Writes passages to a Store; a document's old passages go in the moment its new ones come.

    The pipeline hands over passages with their vectors, so nothing is missing while a file is being embedded, and
    what an interrupted run left of a document is replaced with the rest.
    """

    stores_text: bool = True
    _store: Any = PrivateAttr()
    _added: int = PrivateAttr(default=0)

    def __init__(self, store: "Store") -> None:
        super().__init__(stores_text=True)
        self._store = store

    @classmethod
    def class_name(cls) -> str:
        """Name in LlamaIndex's serialised form."""
        return "TamisStoreSink"

    @property
    def client(self) -> Any:
        """The client of the vector store behind."""
        return self._store.vector_store.client

    @property
    def added(self) -> int:
        """How many passages were written through this sink."""
        return self._added

    def add(self, nodes: Sequence[BaseNode], **add_kwargs: Any) -> list[str]:
        """Replaces the nodes' documents with these nodes; returns their ids."""
        documents = dict.fromkeys(node.ref_doc_id for node in nodes if node.ref_doc_id)
        if documents:
            self._store.delete_documents(list(documents))
        self._store.add(list(nodes))
        self._added += len(nodes)
        return [node.node_id for node in nodes]

    def delete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """Removes all passages of a document."""
        self._store.delete_documents([ref_doc_id])

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """Asks the vector store behind."""
        result: VectorStoreQueryResult = self._store.vector_store.query(query, **kwargs)
        return result
