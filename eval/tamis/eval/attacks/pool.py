"""A pool of documents to draw from, indexed when it is first asked."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Any

from tamis.models.lexical import tokenize

from ..case import Document

Embed = Callable[[Sequence[str]], Any]
"""Texts in, an array of shape (texts, dimensions) out."""


@dataclass(frozen=True, eq=False)
class Pool:
    """Documents by likeness (BM25: bm25s' "lucene", k1 = 1.5, b = 0.75) and at random: the material of attacks.

    ``similarity`` is the cosine of ``embed``'s vectors, and without it of TF-IDF vectors over the words of the pool
    (idf = ln((1 + N) / (1 + df)) + 1). Vectors of the pool's own texts are kept once they were needed.

    >>> from tamis.core.content import Content
    >>> pool = Pool([Document("a", Content("red buses")), Document("b", Content("a red bus in London"))])
    >>> [document.id for document in pool.near("London", 5)]
    ['b']
    """

    documents: Sequence[Document]
    embed: Embed | None = None
    _vectors: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "documents", tuple(self.documents))

    def get(self, id: str) -> Document | None:
        """The document of that id, None where there is none."""
        return self._by_id.get(id)

    def near(self, text: str, count: int) -> list[Document]:
        """The ``count`` documents most like the text, likeliest first; ties in the order of the pool.

        A document that shares no word with the text is not like it: there may be fewer.
        """
        import numpy as np

        if self._engine is None or count < 1:
            return []
        known = [term for term in tokenize(text) if term in self._engine.vocab_dict]
        if not known:
            return []
        scores = self._engine.get_scores(known)
        rows = np.flatnonzero(scores > 0)
        best = rows[np.argsort(-scores[rows], kind="stable")[:count]]
        return [self.documents[row] for row in best.tolist()]

    def drawn(self, count: int, rng: Random) -> list[Document]:
        """``count`` different documents at random; from the same state, a longer draw begins with the shorter one."""
        total = len(self.documents)
        moved: dict[int, int] = {}
        rows = []
        for i in range(min(count, total)):
            j = rng.randrange(i, total)
            rows.append(moved.get(j, j))
            moved[j] = moved.get(i, i)
        return [self.documents[row] for row in rows]

    def similarity(self, text: str, others: Sequence[str]) -> list[float]:
        """The cosine of a text with each other, in [-1, 1]; 0 where one of the two has no words."""
        if self.embed is None:
            asked = self._weighted(text)
            return [_cosine(asked, self._weighted(other)) for other in others]
        vectors = self._embedded([text, *others])
        return [min(1.0, max(-1.0, float(vectors[0] @ vector))) for vector in vectors[1:]]

    @cached_property
    def _by_id(self) -> Mapping[str, Document]:
        return {document.id: document for document in reversed(self.documents)}

    @cached_property
    def _texts(self) -> frozenset[str]:
        return frozenset(document.content.text for document in self.documents)

    @cached_property
    def _engine(self) -> Any:
        """The BM25 index, None where no document has a word."""
        import bm25s  # type: ignore[import-untyped]

        terms = [tokenize(document.content.text) for document in self.documents]
        if not any(terms):
            return None
        engine = bm25s.BM25(k1=1.5, b=0.75, method="lucene")
        engine.index(terms, show_progress=False)
        return engine

    @cached_property
    def _document_frequency(self) -> Mapping[str, int]:
        return Counter(term for document in self.documents for term in set(tokenize(document.content.text)))

    def _weighted(self, text: str) -> Mapping[str, float]:
        """The TF-IDF vector of a text, of length 1 (or empty)."""
        if (known := self._vectors.get(text)) is not None:
            weights: Mapping[str, float] = known
            return weights
        total = len(self.documents)
        counts = Counter(tokenize(text))
        raw = {
            term: count * (math.log((1 + total) / (1 + self._document_frequency.get(term, 0))) + 1)
            for term, count in counts.items()
        }
        norm = math.sqrt(math.fsum(weight * weight for weight in raw.values()))
        weights = {term: weight / norm for term, weight in raw.items()}
        if text in self._texts:
            self._vectors[text] = weights
        return weights

    def _embedded(self, texts: Sequence[str]) -> list[Any]:
        """Vectors of length 1 (or 0), one for each text."""
        import numpy as np

        fresh: dict[str, Any] = {}
        missing = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if missing and self.embed is not None:
            found = np.asarray(self.embed(missing), dtype=np.float64)
            norms = np.linalg.norm(found, axis=1, keepdims=True)
            fresh = dict(zip(missing, found / np.where(norms > 0, norms, 1.0), strict=True))
            self._vectors.update({text: vector for text, vector in fresh.items() if text in self._texts})
        return [fresh[text] if text in fresh else self._vectors[text] for text in texts]


def _cosine(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    if len(a) > len(b):
        a, b = b, a
    return min(1.0, math.fsum(weight * b[term] for term, weight in a.items() if term in b))
