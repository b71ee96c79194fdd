"""Cases for the selection and scorer benchmarks: a question with its own candidates, made from a corpus or read in."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import bm25s
import numpy as np
from corpora import Corpus, Question
from numpy.typing import NDArray
from vectors import embed_texts

from tamis.models.embedder import Embedder
from tamis.models.lexical import tokenize


class Document(NamedTuple):
    """One candidate; ``image`` is a path, kept for scorers that see."""

    id: str
    text: str
    image: str | None = None


class Case(NamedTuple):
    """A question, its candidates and which of them answer it (none: unanswerable)."""

    id: str
    question: str
    documents: tuple[Document, ...]
    gold: frozenset[str]


class BadCase(ValueError):
    """A line of a case file that cannot be used; names file, line and field."""


def read_cases(path: Path) -> list[Case]:
    """Cases from JSON lines: ``{"id", "question", "documents": [{"id", "text", "image"?}], "gold": [ids]}``."""
    cases = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    cases.append(_case(json.loads(line)))
                except (ValueError, TypeError, KeyError, AttributeError) as error:
                    raise BadCase(f"{path}:{number}: {type(error).__name__}: {error}") from error
    if not cases:
        raise BadCase(f"{path}: no cases in it")
    return cases


def _case(row: dict[str, Any]) -> Case:
    documents = tuple(
        Document(str(document["id"]), str(document.get("text") or ""), document.get("image"))
        for document in row["documents"]
    )
    ids = {document.id for document in documents}
    if len(ids) < len(documents):
        raise ValueError('field "documents": two have the same id')
    if not documents:
        raise ValueError('field "documents": empty')
    gold = frozenset(str(name) for name in row["gold"])
    if not gold <= ids:
        raise ValueError(f'field "gold": {sorted(gold - ids)} are not among the documents')
    return Case(str(row["id"]), str(row["question"]), documents, gold)


class PoolSearch:
    """Dense and BM25 rankings of a whole pool, for finding the hard negatives of a question."""

    def __init__(self, corpus: Corpus, embedder: Embedder) -> None:
        self.corpus = corpus
        self.ids = list(corpus.passages)
        self.vectors = embed_texts(embedder, list(corpus.passages.values()))
        self.embedder = embedder
        self.queries: dict[str, NDArray[np.float32]] = {}
        self.asking([question.text for question in corpus.questions])
        self.lexical = bm25s.BM25(method="lucene")
        self.lexical.index([tokenize(text) for text in corpus.passages.values()], show_progress=False)

    def asking(self, texts: Sequence[str]) -> "PoolSearch":
        """The same search, ready for these questions."""
        self.queries.update(zip(texts, embed_texts(self.embedder, texts, "query"), strict=True))
        return self

    def dense(self, text: str, k: int) -> list[str]:
        """Ids of the k nearest passages, nearest first."""
        return self._best(self.vectors @ self.queries[text], k)

    def bm25(self, text: str, k: int) -> list[str]:
        """Ids of the k passages with the highest BM25, best first."""
        return self._best(self.bm25_scores(text), k)

    def bm25_scores(self, text: str) -> NDArray[np.float32]:
        """BM25 of every passage of the pool, in the order of ``ids``."""
        known = [term for term in tokenize(text) if term in self.lexical.vocab_dict]
        return self.lexical.get_scores(known) if known else np.zeros(len(self.ids), dtype=np.float32)

    def _best(self, scores: NDArray[Any], k: int) -> list[str]:
        return [self.ids[i] for i in np.argsort(-scores, kind="stable")[:k]]


def holds_answer(text: str, answers: Sequence[str]) -> bool:
    """Whether a passage contains one of the accepted answers, so that it is no certain negative."""
    lowered = text.lower()
    return any(answer.lower() in lowered for answer in answers)


def hard_candidates(search: PoolSearch, question: Question, depth: int, answers: Sequence[str]) -> list[str]:
    """Gold, passages that must stand beside it, and the union of both rankings' best ``depth`` negatives."""
    passages = search.corpus.passages
    keep = list(question.gold + question.beside)
    for name in search.dense(question.text, depth) + search.bm25(question.text, depth):
        if name not in keep and not holds_answer(passages[name], answers):
            keep.append(name)
    return keep


def case_of(corpus: Corpus, name: str, text: str, candidates: Sequence[str], gold: Sequence[str]) -> Case:
    """A case whose candidates stand in an order that tells nothing (by id)."""
    documents = tuple(Document(one, corpus.passages[one]) for one in sorted(set(candidates)))
    return Case(name, text, documents, frozenset(gold))


def single_cases(search: PoolSearch, depth: int = 25, limit: int | None = None, seed: int = 0) -> list[Case]:
    """One case a question: its gold passage among hard negatives; unanswerable questions have gold of none."""
    questions = list(search.corpus.questions)
    if limit is not None and limit < len(questions):
        questions = random.Random(seed).sample(questions, limit)
    return [
        case_of(search.corpus, q.id, q.text, hard_candidates(search, q, depth, q.answers), q.gold) for q in questions
    ]


def compound_cases(search: PoolSearch, count: int, depth: int = 8, seed: int = 0) -> list[Case]:
    """One to four questions joined into one, their gold passages together, hard negatives around each.

    The right number of passages varies from case to case, which a fixed k cannot follow.
    """
    rng = random.Random(seed)
    answerable = [question for question in search.corpus.questions if question.gold]
    cases = []
    for number in range(count):
        parts = rng.sample(answerable, 1 + number % 4)
        answers = [answer for part in parts for answer in part.answers]
        candidates = [name for part in parts for name in hard_candidates(search, part, depth, answers)]
        text = " and ".join(part.text.rstrip(" ?.") for part in parts) + "?"
        gold = [name for part in parts for name in part.gold]
        cases.append(case_of(search.corpus, f"compound-{number}", text, candidates, gold))
    return cases


def withheld(cases: Sequence[Case]) -> list[Case]:
    """The same questions with their gold taken from the candidates, so that nothing left answers them."""
    return [
        case._replace(
            id=f"{case.id}-withheld",
            documents=tuple(document for document in case.documents if document.id not in case.gold),
            gold=frozenset(),
        )
        for case in cases
        if case.gold and len(case.documents) > len(case.gold)
    ]


def foreign_cases(search: PoolSearch, questions: Sequence[Question], depth: int = 25) -> list[Case]:
    """Questions that belong to other pools, asked of this one, which has nothing to say about them."""
    strangers = [question._replace(id=f"{question.id}-foreign", gold=(), beside=()) for question in questions]
    asked = search.asking([question.text for question in strangers])
    return [case_of(asked.corpus, q.id, q.text, hard_candidates(asked, q, depth, q.answers), ()) for q in strangers]


def training_cases(search: PoolSearch, others: Sequence[Corpus], count: int, seed: int = 0) -> list[Case]:
    """What the default scorer is fitted on: one question or several, few candidates or many, answered or not."""
    short = single_cases(search, depth=5, limit=count, seed=seed + 1)
    long = single_cases(search, depth=25, limit=count, seed=seed + 2)
    compound = compound_cases(search, count, seed=seed + 3)
    elsewhere = [question for other in others for question in other.questions]
    foreign = foreign_cases(search, random.Random(seed + 4).sample(elsewhere, count // 2))
    return short + long + compound + withheld(short[::4]) + withheld(long[::4]) + foreign
