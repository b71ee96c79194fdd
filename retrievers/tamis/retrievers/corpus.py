"""What a retriever needs of a place where passages are kept, whatever the place is."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import MetadataFilters

Version = tuple[str | int, ...]
"""Differs whenever the passages may differ. Written beside the BM25 index, so of JSON's own types."""


class Nearest(NamedTuple):
    """Passages near to a vector, best first: their ids and similarities (higher is better)."""

    ids: list[str]
    similarities: list[float]


class Comparison(NamedTuple):
    """Passages whose similarity to a vector is wanted."""

    vector: Sequence[float]
    ids: Sequence[str]


class Fetched(NamedTuple):
    """Nodes by id, and for each comparison the similarities, as far as the store can say."""

    nodes: dict[str, BaseNode]
    similarities: list[Mapping[str, float]]


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

    def similarities(self, vector: Sequence[float], ids: Sequence[str]) -> Mapping[str, float]:
        """How near given passages are, on the scale of ``nearest``; empty where the store cannot say cheaply."""
        ...

    def fetch(self, ids: Sequence[str], comparisons: Sequence[Comparison]) -> Fetched:
        """``nodes`` and ``similarities`` in one go. A comparison may tell of more passages than it asked about."""
        ...

    def matching(self, filters: MetadataFilters) -> set[str]:
        """The ids of the passages that the filters let through."""
        ...
