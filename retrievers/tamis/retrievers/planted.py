"""A corpus with a few passages more than it has: what a search would give if they were in it, and nothing is stored."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import BaseNode, MetadataMode
from llama_index.core.vector_stores.types import MetadataFilters
from numpy.typing import NDArray

from tamis.nodes import content_of

from .bm25 import LexicalIndex, counted_node
from .corpus import Corpus, Nearest, Passage, Vectors, Version, unit
from .embedding import TamisEmbedding
from .postings import Postings
from .threads import in_thread


class PlantedCorpus:
    """``base`` and ``nodes`` together; a node with an id of the base's stands in its place.

    Searches compare exactly, whatever the base's index does. The nodes pass all filters: they have no metadata that
    one could rely on.
    """

    def __init__(self, base: Corpus, nodes: Sequence[BaseNode], embed_model: BaseEmbedding) -> None:
        self._base = base
        self._nodes = {node.node_id: node for node in nodes}
        self._embed_model = embed_model

    @cached_property
    def _vectors(self) -> NDArray[np.float32]:
        """Unit vectors of the nodes, shape (nodes, dimensions), in their order."""
        nodes = list(self._nodes.values())
        if isinstance(self._embed_model, TamisEmbedding):
            # As a store embeds them: images too, where the embedder sees.
            contents = [content_of(node, MetadataMode.EMBED) for node in nodes]
            rows: Sequence[Sequence[float]] = self._embed_model.embed(contents, "passage").tolist()
        else:
            texts = [content_of(node, MetadataMode.EMBED).text for node in nodes]
            rows = self._embed_model.get_text_embedding_batch(texts)
        return np.stack([unit(row) for row in rows])

    @property
    def cosine(self) -> bool:
        """As the base has it."""
        return self._base.cosine

    @property
    def exact_version(self) -> bool:
        """As the base has it."""
        return self._base.exact_version

    def version(self) -> Version:
        """The base's, and which nodes stand beside it."""
        told = hashlib.sha256("\0".join(f"{id}\0{node.hash}" for id, node in self._nodes.items()).encode()).hexdigest()
        return (*self._base.version(), "planted", told)

    def changed_since(self, version: Version) -> set[str] | None:
        """Nobody asks: the index beside it follows the base's."""
        return None

    def count(self) -> int:
        """How many passages there are."""
        return len(self.ids())

    def ids(self) -> list[str]:
        """All ids."""
        return [*(id for id in self._base.ids() if id not in self._nodes), *self._nodes]

    def passages(self) -> Iterator[Passage]:
        """All passages with their texts."""
        yield from (passage for passage in self._base.passages() if passage.id not in self._nodes)
        yield from (Passage(id, node.get_content()) for id, node in self._nodes.items())

    def nodes(self, ids: Sequence[str]) -> dict[str, BaseNode]:
        """The nodes of these ids, as copies."""
        found = self._base.nodes([id for id in ids if id not in self._nodes])
        return {**found, **{id: self._nodes[id].model_copy(deep=True) for id in ids if id in self._nodes}}

    def nearest(self, vector: Sequence[float], depth: int, filters: MetadataFilters | None) -> Nearest:
        """The nearest of both; equal similarities in the order of ids."""
        return self._merged(vector, self._base.nearest(vector, depth + len(self._nodes), filters), depth)

    async def anearest(self, vector: Sequence[float], depth: int, filters: MetadataFilters | None) -> Nearest:
        """The same, without blocking the event loop."""
        found = await self._base.anearest(vector, depth + len(self._nodes), filters)
        return await in_thread(self._merged, vector, found, depth)

    def vectors(self, ids: Sequence[str]) -> Vectors:
        """The vectors of these ids, of length 1."""
        rows = {id: row for row, id in enumerate(self._nodes)}
        planted = {id: self._vectors[rows[id]] for id in ids if id in rows} if self.cosine else {}
        return {**self._base.vectors([id for id in ids if id not in rows]), **planted}

    def matching(self, filters: MetadataFilters) -> set[str]:
        """What the base lets through, and all that is planted."""
        return self._base.matching(filters) | set(self._nodes)

    def _merged(self, vector: Sequence[float], found: Nearest, depth: int) -> Nearest:
        likeness = (self._vectors @ unit(vector)).tolist()
        if not self.cosine:
            likeness = _on_the_scale_of(found, likeness, vector, self._base)
        both = [
            *((-value, id) for id, value in zip(found.ids, found.similarities, strict=True) if id not in self._nodes),
            *((-value, id) for id, value in zip(self._nodes, likeness, strict=True)),
        ]
        best = sorted(both)[:depth]
        return Nearest([id for _, id in best], [-negative for negative, _ in best])


class PlantedBm25:
    """A BM25 index with the nodes counted in, word statistics included."""

    def __init__(self, base: LexicalIndex, corpus: PlantedCorpus, nodes: Sequence[BaseNode]) -> None:
        self._base = base
        self._corpus = corpus
        self._counted = {node.node_id: counted_node(node) for node in nodes}
        self._made: tuple[Postings, Postings] | None = None

    def current(self) -> Postings:
        """The index as both are now."""
        base = self._base.current()
        if self._made is None or self._made[0] is not base:
            self._made = (base, base.changed(self._counted, ()))
        return self._made[1]

    def vectors(self, ids: Sequence[str]) -> Vectors:
        """The vectors of these ids, of length 1."""
        here = self._corpus.vectors([id for id in ids if id in self._counted])
        return {**self._base.vectors([id for id in ids if id not in here]), **here}

    def distrust(self) -> None:
        """Has the base compare itself with its corpus."""
        self._base.distrust()


def _on_the_scale_of(found: Nearest, cosines: Sequence[float], vector: Sequence[float], base: Corpus) -> list[float]:
    """Similarities on a store's own scale that stand where the cosines stand among those of what was found.

    Between two passages whose cosines are known the scale is taken as straight. Where the store gives out no vectors,
    nothing can be compared: the cosines are used as they are.
    """
    vectors = base.vectors(found.ids)
    known = sorted(
        (float(vectors[id] @ unit(vector)), value)
        for id, value in zip(found.ids, found.similarities, strict=True)
        if id in vectors
    )
    if len(known) < 2:
        return list(cosines)
    marks, values = np.array(known).T
    inside = np.interp(cosines, marks, values)
    slope = (values[-1] - values[0]) / max(1e-9, marks[-1] - marks[0])
    above = values[-1] + (np.asarray(cosines) - marks[-1]) * slope
    below = values[0] + (np.asarray(cosines) - marks[0]) * slope
    placed = np.where(cosines > marks[-1], above, np.where(cosines < marks[0], below, inside))
    return [float(value) for value in placed]
