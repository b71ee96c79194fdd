"""Embeds passages with their images, the way the store itself would."""

from collections.abc import Sequence
from typing import Any

from llama_index.core.bridge.pydantic import Field
from llama_index.core.schema import BaseNode, MetadataMode, TransformComponent

from tamis.nodes import content_of
from tamis.retrievers import TamisEmbedding


class PassageEmbedder(TransformComponent):
    """Gives each passage its vector. LlamaIndex's own embedding step reads texts only and would not see an image."""

    embedding: TamisEmbedding = Field(description="The store's embedder, with leave to open the folder's images.")

    @classmethod
    def class_name(cls) -> str:
        """Name in LlamaIndex's serialised form."""
        return "TamisPassageEmbedder"

    def __call__(self, nodes: Sequence[BaseNode], **kwargs: Any) -> Sequence[BaseNode]:
        """The same nodes, each with its embedding. Raises MediaError for an image that cannot be opened."""
        size = self.embedding.embed_batch_size
        for begin in range(0, len(nodes), size):
            part = nodes[begin : begin + size]
            contents = [content_of(node, MetadataMode.EMBED) for node in part]
            for node, vector in zip(part, self.embedding.embed(contents, "passage"), strict=True):
                node.embedding = vector.tolist()
        return nodes
