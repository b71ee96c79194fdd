"""BEIR (Thakur et al. 2021): a folder with corpus.jsonl, queries.jsonl and judgements in qrels/."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tamis.core.content import Content
from tamis.core.errors import BadInput

from ..case import Case, Document
from .dataset import DataSet, Placed, placed
from .fault import Fault, FaultyData
from .reading import csv_rows, json_lines
from .row import Row

_SPLITS = ("test", "dev", "train")


def load(path: Path) -> DataSet:
    """The judged queries of a folder over its corpus.

    The split is test, else dev, else train; another is loaded by the path of its file in ``qrels``. A query with no
    judgement in the split is passed over. Judgements are held in memory, queries and corpus are not.
    """
    qrels = path if path.is_file() else _split(path)
    folder = qrels.parent.parent if path.is_file() else path
    queries, corpus = (_either(folder, name) for name in ("queries.jsonl", "corpus.jsonl"))
    name = f"{folder.name}-{qrels.name.partition('.')[0]}"
    return DataSet(
        name, "beir", path, partial(_cases, queries, qrels), partial(_documents, corpus), (queries, qrels, corpus)
    )


def _split(folder: Path) -> Path:
    for split in _SPLITS:
        for ending in (".tsv", ".tsv.gz"):
            if (file := folder / "qrels" / f"{split}{ending}").is_file():
                return file
    raise BadInput(f"{folder} has no judgements: qrels/test.tsv, qrels/dev.tsv or qrels/train.tsv")


def _either(folder: Path, name: str) -> Path:
    for file in (folder / name, folder / f"{name}.gz"):
        if file.is_file():
            return file
    raise BadInput(f"{folder} has no {name}")


def _cases(queries: Path, qrels: Path) -> Iterator[Placed | Fault]:
    judged: dict[str, dict[str, int]] = {}
    for row in csv_rows(qrels, delimiter="\t"):
        if isinstance(row, Fault):
            yield row
            continue
        try:
            judged.setdefault(row.text("query-id"), {})[row.text("corpus-id")] = _grade(row)
        except FaultyData as error:
            yield error.fault
    yield from placed(json_lines(queries), partial(_case, judged))
    if judged:
        what = f'judges {len(judged)} queries that {queries.name} does not have; the first is "{next(iter(judged))}"'
        yield Fault(qrels, None, "query-id", what)


def _case(judged: dict[str, dict[str, int]], row: Row) -> Iterator[Case]:
    name = row.name("_id")
    if relevance := judged.pop(name, None):
        yield Case(name, Content(row.text("text")), relevance=relevance)


def _grade(row: Row) -> int:
    try:
        return max(0, int(row.text("score")))
    except ValueError as error:
        raise row.faulty("score", "must be a whole number") from error


def _documents(corpus: Path) -> Iterator[Document | Fault]:
    for row in json_lines(corpus):
        if isinstance(row, Fault):
            yield row
            continue
        try:
            title, text = row.text("title", ""), row.text("text", "")
            yield Document(row.name("_id"), Content(f"{title}\n{text}" if title else text))
        except FaultyData as error:
            yield error.fault
