"""CLAPnq (Rosenthal et al. 2024): long answers from one Wikipedia passage, and questions that it does not answer."""

from collections.abc import Iterator
from pathlib import Path

from tamis.core.content import Content

from ..case import Case, Document
from .dataset import DataSet, data_files, from_files, passage
from .reading import json_rows
from .row import Row


def load(path: Path) -> DataSet:
    """Questions over the pool of all passages, from one of the ``.jsonl`` files or from the folder.

    The passage that goes with a question has grade 1 where it answers it, else 0. ``extra["selected_sentences"]``, one
    list for each answer, are those that the annotator marked in the passage.
    """
    return from_files(
        path, "clapnq", data_files(path, "clapnq*.jsonl", "clapnq*.jsonl.gz"), json_rows, _case, _passages
    )


def _passages(row: Row) -> list[Document]:
    return [passage(one.text("text"), one.text("title", "")) for one in row.inners("passages")]


def _case(row: Row) -> Iterator[Case]:
    outputs = [one for one in row.inners("output") if one.text("answer").strip()]
    documents = _passages(row)
    yield Case(
        id=row.name("id"),
        query=Content(row.text("input")),
        relevance={document.id: int(bool(outputs)) for document in documents},
        answers=tuple(dict.fromkeys(one.text("answer") for one in outputs)),
        answerable=bool(outputs),
        tags=("answerable" if outputs else "unanswerable",),
        group=documents[0].id if documents else None,
        extra={"selected_sentences": [list(one.texts("selected_sentences", ())) for one in outputs]},
    )
