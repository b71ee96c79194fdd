"""What a retriever needs of a place where passages are kept, whatever the place is."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import MetadataFilters
from numpy.typing import NDArray

Version = tuple[str | int, ...]
"""Differs whenever the passages may differ. Written beside the BM25 index, so of JSON's own types."""


class Nearest(NamedTuple):
    """Passages near to a vector, best first: their ids and similarities (higher is better)."""

    ids: list[str]
    similarities: list[float]


Vectors = Mapping[str, NDArray[np.float32]]
"""Unit vectors by id, each of shape (dimensions,)."""


class Passage(NamedTuple):
    """A passage's id and the text that the store shows for it."""

    id: str
    text: str


class Corpus(Protocol):
    """Passages by id, found by vector. Every method may be called from any thread."""

    @property
    def cosine(self) -> bool:
        """Whether similarities are true cosines, in [-1, 1]; if not, their scale is the store's own."""
        ...

    @property
    def exact_version(self) -> bool:
        """Whether ``version`` notices every change, also those of other programs and of other days."""
        ...

    def version(self) -> Version:
        """Cheap enough to be asked at every query."""
        ...

    def changed_since(self, version: Version) -> set[str] | None:
        """At least the ids that were added, changed or deleted since a version; None if that cannot be told."""
        ...

    def count(self) -> int:
        """How many passages there are."""
        ...

    def ids(self) -> list[str]:
        """All ids, in no order."""
        ...

    def passages(self) -> Iterator[Passage]:
        """All passages with the text they show, in no order."""
        ...

    def nodes(self, ids: Sequence[str]) -> dict[str, BaseNode]:
        """The nodes of these ids, new objects that the caller may change; those not here are left out."""
        ...

    def nearest(self, vector: Sequence[float], depth: int, filters: MetadataFilters | None) -> Nearest:
        """The ``depth`` nearest passages, without their texts."""
        ...

    async def anearest(self, vector: Sequence[float], depth: int, filters: MetadataFilters | None) -> Nearest:
        """The same, without blocking the event loop."""
        ...

    def vectors(self, ids: Sequence[str]) -> Vectors:
        """The vectors of these ids, of length 1; only those that the store gives out and compares by cosine."""
        ...

    def matching(self, filters: MetadataFilters) -> set[str]:
        """The ids of the passages that the filters let through."""
        ...


def unit(vector: Sequence[float] | NDArray[np.float32]) -> NDArray[np.float32]:
    """The vector at length 1, shape (dimensions,); one of length 0 as it is."""
    array = np.asarray(vector, dtype=np.float32)
    length = float(np.linalg.norm(array))
    return array / np.float32(length) if length > 0 else array
