"""The evidence of every candidate of every case, as a store that holds all of a file's documents would find it."""

from collections.abc import Sequence
from typing import NamedTuple

import bm25s
import numpy as np
from cases import Case
from numpy.typing import NDArray
from vectors import embed_texts

from tamis.models.embedder import Embedder
from tamis.models.evidence import Candidates, LogisticModel
from tamis.models.lexical import tokenize

Vector = NDArray[np.float64]


class CaseEvidence(NamedTuple):
    """One case in numbers: what the default scorer knows of its n candidates, and arrays of shape (n,)."""

    candidates: Candidates
    bm25: Vector
    relevant: NDArray[np.bool_]

    @property
    def cosines(self) -> Vector:
        """Shape (n,)."""
        return self.candidates.cosines

    @property
    def features(self) -> Vector:
        """Shape (n, ranking features)."""
        return self.candidates.features

    @property
    def longness(self) -> float:
        """How long the question is, in [0, 1]."""
        return self.candidates.longness

    def log_odds(self, model: LogisticModel) -> Vector:
        """The default scorer's log-odds under a model."""
        return self.candidates.log_odds(model)


class LexicalIndex:
    """BM25 over a set of texts with shares of the highest score possible."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        self.index = bm25s.BM25(method="lucene")
        self.index.index([tokenize(text) for text in self.places], show_progress=False)

    def shares(self, question: str, texts: Sequence[str]) -> Vector:
        """BM25 of the texts over the ceiling of the question: the sum of its terms' idfs."""
        terms = tokenize(question)
        known = [term for term in terms if term in self.index.vocab_dict]
        if not known:
            return np.zeros(len(texts))
        scores = self.index.get_scores(known)
        ceiling = sum(self._idf(term) for term in terms)
        return np.array([float(scores[self.places[text]]) for text in texts]) / ceiling

    def _idf(self, term: str) -> float:
        pointers = self.index.scores["indptr"]
        place = self.index.vocab_dict.get(term)
        holders = 0 if place is None else int(pointers[place + 1] - pointers[place])
        return float(np.log(1 + (len(self.places) - holders + 0.5) / (holders + 0.5)))


def evidence_of_cases(cases: Sequence[Case], embedder: Embedder) -> list[CaseEvidence]:
    """Cosines, BM25 and features for every case; vectors come from the cache where they are in it."""
    texts = list(dict.fromkeys(document.text for case in cases for document in case.documents))
    vectors = dict(zip(texts, embed_texts(embedder, texts), strict=True))
    asked = embed_texts(embedder, [case.question for case in cases], "query")
    lexical = LexicalIndex(texts)
    found = []
    for case, query in zip(cases, asked, strict=True):
        own = [document.text for document in case.documents]
        cosines = np.array([float(vectors[text] @ query) for text in own])
        bm25 = lexical.shares(case.question, own)
        relevant = np.array([document.id in case.gold for document in case.documents])
        found.append(CaseEvidence(Candidates.of(case.question, own, cosines, bm25), bm25, relevant))
    return found
