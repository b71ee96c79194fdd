"""Cosine similarity of nodes to a query, by a LlamaIndex embedding model; a passage's vector is kept for next time."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.embeddings import MultiModalEmbedding
from llama_index.core.schema import BaseNode, MetadataMode, QueryBundle

from tamis.core.content import Content
from tamis.core.errors import MediaError
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.nodes import content_of, finite, query_of

from ..threads import in_thread

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Reads = Literal["text", "images", "both"]
"""What of a passage has a vector: its text, its images, or both where the model has one vector for both."""


def sees(model: object) -> bool:
    """Whether an embedding model embeds images."""
    if not isinstance(model, MultiModalEmbedding):
        return False
    modalities = getattr(getattr(model, "embedder", None), "modalities", None)
    return modalities is None or "image" in modalities


@dataclass
class Vectors:
    """Vectors of passages by model and content, the last 4,096 that were used. Safe between threads."""

    limit: int = 4096
    _held: "OrderedDict[tuple[int, str], NDArray[np.float32]]" = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: tuple[int, str]) -> "NDArray[np.float32] | None":
        """What is held under a key."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
            return self._held.get(key)

    def put(self, key: tuple[int, str], vector: Sequence[float]) -> None:
        """Holds a vector; the one that was not used for longest gives way."""
        import numpy as np

        with self._lock:
            self._held[key] = np.asarray(vector, dtype=np.float32)
            while len(self._held) > self.limit:
                self._held.popitem(last=False)


class _Item(NamedTuple):
    """What stands for a node: its text, its images' bytes, or both for a model that takes both at once."""

    text: str
    images: tuple[bytes, ...]
    key: tuple[int, str]


@dataclass
class Similarities:
    """Compares nodes with a query. Images are read as ``media`` allows."""

    model: BaseEmbedding
    vectors: Vectors
    media: MediaPolicy
    reads: Reads

    def to(self, query: QueryBundle, nodes: Sequence[BaseNode], required: int) -> list[float | None]:
        """Cosine in [-1, 1] of each node to the query; None for one without anything that this model embeds as numbers.

        Nodes from ``required`` on must be readable: for them MediaError is raised, of the others an image that may not
        be opened is as if it were not there.
        """
        items = self._items(nodes, required)
        if missing := self._missing(items):
            self._keep(missing, self._embedded(missing))
        return self._cosines(self._asked(query), items)

    async def ato(self, query: QueryBundle, nodes: Sequence[BaseNode], required: int) -> list[float | None]:
        """As ``to``."""
        items = await in_thread(self._items, nodes, required)
        if missing := self._missing(items):
            self._keep(missing, await self._aembedded(missing))
        return self._cosines(await self._aasked(query), items)

    def _items(self, nodes: Sequence[BaseNode], required: int) -> list[_Item | None]:
        return [self._item(node, must=index >= required) for index, node in enumerate(nodes)]

    def _item(self, node: BaseNode, must: bool) -> _Item | None:
        content = content_of(node)
        text = node.get_content(metadata_mode=MetadataMode.EMBED) if self.reads != "images" else ""
        images: tuple[bytes, ...] = ()
        if self._wants_images(text, content):
            try:
                images = tuple(self.media.read(image) for image in content.images)
            except MediaError:
                if must:
                    raise
        if not text.strip() and not images:
            return None
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
        for image in images:
            digest.update(hashlib.sha256(image).digest())
        return _Item(text, images, (id(self.model), f"{self.reads}:{digest.hexdigest()}"))

    def _wants_images(self, text: str, content: Content) -> bool:
        if self.reads == "text" or not content.images:
            return False
        # Other models have one vector for a text or an image, and an index takes the text where there is one.
        return self.reads == "images" or _embeds_both(self.model) or not text.strip()

    def _missing(self, items: Sequence[_Item | None]) -> list[_Item]:
        wanted = {item.key: item for item in items if item is not None}
        return [item for key, item in wanted.items() if self.vectors.get(key) is None]

    def _keep(self, items: Sequence[_Item], vectors: Sequence[Sequence[float]]) -> None:
        for item, vector in zip(items, vectors, strict=True):
            self.vectors.put(item.key, vector)

    def _embedded(self, items: Sequence[_Item]) -> list[Sequence[float]]:
        texts, pictures = _sorted(items)
        found = dict(zip(texts, self.model.get_text_embedding_batch([items[i].text for i in texts]), strict=True))
        for i in pictures:
            if _embeds_both(self.model):
                found[i] = _jointly(self.model, items[i])
            else:
                found[i] = _mean([_seeing(self.model).get_image_embedding(BytesIO(one)) for one in items[i].images])
        return [found[i] for i in range(len(items))]

    async def _aembedded(self, items: Sequence[_Item]) -> list[Sequence[float]]:
        texts, pictures = _sorted(items)
        vectors = await self.model.aget_text_embedding_batch([items[i].text for i in texts]) if texts else []
        found = dict(zip(texts, vectors, strict=True))
        for i in pictures:
            if _embeds_both(self.model):
                found[i] = await in_thread(_jointly, self.model, items[i])
            else:
                model = _seeing(self.model)
                found[i] = _mean([await model.aget_image_embedding(BytesIO(one)) for one in items[i].images])
        return [found[i] for i in range(len(items))]

    def _asked(self, query: QueryBundle) -> list[float]:
        if query.query_str.strip() or not sees(self.model):
            return self.model.get_agg_embedding_from_queries(query.embedding_strs)
        return _mean([_seeing(self.model).get_image_embedding(BytesIO(one)) for one in self._query_images(query)])

    async def _aasked(self, query: QueryBundle) -> list[float]:
        if query.query_str.strip() or not sees(self.model):
            return await self.model.aget_agg_embedding_from_queries(query.embedding_strs)
        images = await in_thread(self._query_images, query)
        return _mean([await _seeing(self.model).aget_image_embedding(BytesIO(one)) for one in images])

    def _query_images(self, query: QueryBundle) -> list[bytes]:
        return [self.media.read(image) for image in query_of(query).images]

    def _cosines(self, query: Sequence[float], items: Sequence[_Item | None]) -> list[float | None]:
        import numpy as np

        asked = np.asarray(query, dtype=np.float64)
        length = float(np.linalg.norm(asked))
        found: list[float | None] = []
        for item in items:
            vector = None if item is None else self.vectors.get(item.key)
            norm = 0.0 if vector is None else float(np.linalg.norm(vector))
            if vector is None or not norm or not length:
                found.append(None)
            else:
                # Not finite where the model gave a vector that is not: that says nothing of the passage.
                found.append(finite(float(vector.astype(np.float64) @ asked) / (norm * length)))
        return found


def _sorted(items: Sequence[_Item]) -> tuple[list[int], list[int]]:
    """Indices of those that are text alone, and of those with images."""
    pictures = [i for i, item in enumerate(items) if item.images]
    return [i for i, item in enumerate(items) if not item.images], pictures


def _embeds_both(model: BaseEmbedding) -> bool:
    """Whether it has one vector for a text with its images: a method ``embed(contents, role)`` over an embedder."""
    return sees(model) and callable(getattr(model, "embed", None)) and hasattr(model, "embedder")


def _jointly(model: Any, item: _Item) -> list[float]:
    content = Content(item.text, tuple(Image(data=one) for one in item.images))
    return [float(value) for value in model.embed([content], "passage")[0]]


def _seeing(model: BaseEmbedding) -> MultiModalEmbedding:
    if not isinstance(model, MultiModalEmbedding):
        raise MediaError(f"{type(model).__name__} embeds no images")
    return model


def _mean(vectors: Sequence[Sequence[float]]) -> list[float]:
    """The direction between several vectors, each of the same weight; none for none."""
    import numpy as np

    if not vectors:
        return []
    return [float(value) for value in np.mean(np.asarray(vectors, dtype=float), axis=0)]
