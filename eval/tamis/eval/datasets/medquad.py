"""MedQuAD (Ben Abacha, Demner-Fushman 2019): questions over long answers; sections of a disease look alike."""

from collections.abc import Iterator
from functools import partial
from hashlib import blake2b
from pathlib import Path

from tamis.core.content import Content

from ..case import Case, Document
from .dataset import DataSet, Placed, data_files, name_of, passage, placed, pooled
from .fault import Fault
from .reading import json_rows
from .row import Row


def load(path: Path) -> DataSet:
    """The questions that are asked once, over the pool of all answers.

    A question that stands in several rows has several answers of which each is right for one document only, so it is
    left out, and its answers stay in the pool. Tags are the kind of question and the source; cases of one focus (a
    disease, a topic) form a group.
    """
    files = data_files(path, "*.jsonl", "*.jsonl.gz")
    corpus = partial(pooled, files, json_rows, _answer)
    return DataSet(name_of(path), "medquad", path, partial(_cases, files), corpus, files)


def _answer(row: Row) -> tuple[Document]:
    return (passage(row.text("answer")),)


def _cases(files: tuple[Path, ...]) -> Iterator[Placed | Fault]:
    once: set[bytes] = set()
    again: set[bytes] = set()
    for row in _rows(files):
        if isinstance(row, Row) and isinstance(question := row.fields.get("question"), str):
            (again if (digest := _digest(question)) in once else once).add(digest)
    yield from placed(_rows(files), lambda row: () if _digest(row.text("question")) in again else (_case(row),))


def _rows(files: tuple[Path, ...]) -> Iterator[Row | Fault]:
    for file in files:
        yield from json_rows(file)


def _case(row: Row) -> Case:
    (answer,) = _answer(row)
    focus, kind, source = row.text("focus", ""), row.text("qtype", ""), row.text("source", "")
    return Case(
        id=f"{name_of(row.file)}-{row.number}",
        query=Content(row.text("question")),
        relevance={answer.id: 1},
        answers=(row.text("answer"),),
        answerable=True,
        tags=tuple(tag for tag in (kind, source) if tag),
        group=focus or None,
        extra={"focus": focus, "qid": row.text("qid", ""), "url": row.text("url", "")},
    )


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=8).digest()
