"""Lost in the Middle (Liu et al. 2023): NaturalQuestions with numbered passages, and look-up among key-value pairs."""

import json
from collections.abc import Iterator
from pathlib import Path

from tamis.core.content import Content

from ..case import Case, Document
from .dataset import DataSet, data_files, distinct, from_files, name_of, passage
from .reading import json_rows
from .row import Row, kind_of

_PATTERNS = ("*.jsonl.gz", "*.jsonl")


def load(path: Path) -> DataSet:
    """Questions with their passages; ``documents()`` is the pool of all passages of the file.

    In the "oracle" file a question has one passage, the gold one, and its case brings no documents: the pool is what it
    is asked of. Where a question has several, its case brings them in order, and ``extra["gold_position"]`` is where
    the gold one stands, from 0. Questions about one passage form a group.
    """
    return from_files(path, "litm", data_files(path, *_PATTERNS), json_rows, _case, _passages)


def load_kv(path: Path) -> DataSet:
    """A key is asked for; its value stands in one of the pairs, each a document with the key as its id."""
    return from_files(path, "litm-kv", data_files(path, *_PATTERNS), json_rows, _look_up)


def _passages(row: Row) -> list[Document]:
    return [passage(one.text("text"), one.text("title", "")) for one in row.inners("ctxs")]


def _case(row: Row) -> Iterator[Case]:
    documents = _passages(row)
    gold = [place for place, one in enumerate(row.inners("ctxs")) if one.flag("isgold", False)]
    if not gold:
        raise row.faulty("ctxs", "none is marked as gold (isgold)")
    is_alone = len(documents) == 1
    yield Case(
        id=f"{name_of(row.file)}-{row.number}",
        query=Content(row.text("question")),
        documents=() if is_alone else distinct(documents),
        relevance={documents[place].id: 1 for place in gold},
        answers=row.texts("answers"),
        answerable=True,
        group=documents[gold[0]].id,
        extra={} if is_alone else {"gold_position": gold[0]},
    )


def _look_up(row: Row) -> Iterator[Case]:
    pairs = row.fields.get("ordered_kv_records")
    if not isinstance(pairs, list):
        raise row.faulty("ordered_kv_records", f"must be a list of pairs, not {kind_of(pairs)}")
    for place, pair in enumerate(pairs):
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(one, str) for one in pair):
            raise row.faulty(f"ordered_kv_records[{place}]", "must be a list of a key and a value, both text")
    key = row.text("key")
    yield Case(
        id=f"{name_of(row.file)}-{row.number}",
        query=Content(key),
        documents=tuple(Document(name, Content(f"{json.dumps(name)}: {json.dumps(value)}")) for name, value in pairs),
        relevance={key: 1},
        answers=(row.text("value"),),
        answerable=True,
        extra={"gold_position": next((place for place, (name, _) in enumerate(pairs) if name == key), None)},
    )
