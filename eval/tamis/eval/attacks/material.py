"""What attacks draw from: the documents of the data set, by likeness and at random."""

from collections.abc import Sequence
from random import Random
from typing import Protocol

from ..case import Document


class Material(Protocol):
    """A pool of documents. The same calls give the same results, whatever was asked before."""

    @property
    def documents(self) -> Sequence[Document]:
        """All of them, in the order of the data set."""
        ...

    def get(self, id: str) -> Document | None:
        """The document of that id."""
        ...

    def near(self, text: str, count: int) -> list[Document]:
        """The ``count`` documents most like the text (BM25), likeliest first; ties in the data set's order."""
        ...

    def drawn(self, count: int, rng: Random) -> list[Document]:
        """``count`` different documents at random, or all where there are fewer."""
        ...

    def similarity(self, text: str, others: Sequence[str]) -> list[float]:
        """Cosine similarity of a text to each other, in [-1, 1], by the pool's embedder."""
        ...
