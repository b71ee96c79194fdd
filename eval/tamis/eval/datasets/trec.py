"""TREC judgements: lines of ``query 0 document grade``, with the queries' texts and the corpus beside them."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tamis.core.content import Content

from ..case import Case, Document
from .dataset import DataSet, Placed, data_files, name_of
from .fault import Fault
from .reading import Line, lines

_QRELS = ("*qrels*", "*.qrels")
_QUERIES = ("queries.tsv", "topics.tsv")
_CORPUS = ("collection.tsv", "corpus.tsv")


def load(path: Path) -> DataSet:
    """The judged queries of a qrels file, or of the first one in a folder.

    ``queries.tsv`` (or ``topics.tsv``) beside it gives the texts, ``collection.tsv`` (or ``corpus.tsv``) the shared
    corpus: an id, a tab, a text. Without the first, the ids are asked, with a warning; a query that it does not have is
    a fault. Grades below 0 (spam) count as 0. Judgements and queries are held in memory.
    """
    qrels = data_files(path, *_QRELS)[0]
    queries, corpus = (_beside(qrels, names) for names in (_QUERIES, _CORPUS))
    files = tuple(file for file in (qrels, queries, corpus) if file is not None)
    source = partial(_cases, qrels, queries)
    if corpus is None:
        return DataSet(name_of(path), "trec", path, source, files=files)
    return DataSet(name_of(path), "trec", path, source, partial(_documents, corpus), files)


def _beside(file: Path, names: tuple[str, ...]) -> Path | None:
    places = (file.with_name(f"{name}{ending}") for name in names for ending in ("", ".gz"))
    return next((place for place in places if place.is_file()), None)


def _cases(qrels: Path, queries: Path | None) -> Iterator[Placed | Fault]:
    judged: dict[str, tuple[int, dict[str, int]]] = {}
    for line in lines(qrels):
        if isinstance(line, Fault):
            yield line
        elif line.text.strip():
            parts = line.text.split()
            if len(parts) != 4 or not parts[3].removeprefix("-").isdecimal():
                yield Fault(qrels, line.number, None, "must be a query, an iteration, a document and a whole grade")
                continue
            judged.setdefault(parts[0], (line.number, {}))[1][parts[2]] = max(0, int(parts[3]))
    texts: dict[str, str] | None = None
    if queries is None:
        what = f"there is no {' and no '.join(_QUERIES)} beside it: the ids of the queries are asked"
        yield Fault(qrels, None, "question", what, warning=True)
    else:
        texts = {}
        for pair in _pairs(queries):
            if isinstance(pair, Fault):
                yield pair
            else:
                texts[pair[0]] = pair[1]
    for name, (number, relevance) in judged.items():
        text = name if texts is None else texts.get(name)
        if text is None:
            yield Fault(qrels, number, "question", f'{queries} has no query "{name}"')
        else:
            yield Placed(Case(name, Content(text), relevance=relevance), qrels, number)


def _documents(corpus: Path) -> Iterator[Document | Fault]:
    for pair in _pairs(corpus):
        yield pair if isinstance(pair, Fault) else Document(pair[0], Content(pair[1]))


def _pairs(path: Path) -> Iterator[tuple[str, str] | Fault]:
    for line in lines(path):
        if isinstance(line, Fault):
            yield line
        elif isinstance(line, Line) and line.text.strip():
            name, tab, text = line.text.partition("\t")
            yield (name, text) if tab else Fault(path, line.number, None, "has no tab between id and text")
