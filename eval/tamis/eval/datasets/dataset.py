"""A data set: cases as a stream that can be begun again, and the corpus that they share."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from tamis.core.content import Content
from tamis.core.errors import BadInput

from ..case import Case, Document
from .fault import Fault, FaultyData
from .row import Row


class Placed(NamedTuple):
    """A case with the file and line that it comes from."""

    case: Case
    file: Path
    line: int | None


def _no_documents() -> Iterator[Document | Fault]:
    return iter(())


@dataclass(frozen=True)
class DataSet:
    """Cases in a file or folder, read anew each time they are asked for, one at a time.

    ``format`` is the name of the loader. ``source`` gives the cases with their places, and a Fault for each record that
    cannot be read; ``corpus`` gives the documents that the cases share (none where each case brings its own, or where
    only the pipeline has them). Both are functions without arguments that can be pickled. ``files`` are the files that
    they read.
    """

    name: str
    format: str
    path: Path
    source: Callable[[], Iterator[Placed | Fault]] = field(repr=False)
    corpus: Callable[[], Iterator[Document | Fault]] = field(default=_no_documents, repr=False)
    files: tuple[Path, ...] = ()

    def cases(self) -> Iterator[Case]:
        """A fresh stream of the cases. Raises FaultyData at a record that cannot be read."""
        for one in self.source():
            if isinstance(one, Fault):
                if not one.warning:
                    raise FaultyData(one)
            else:
                yield one.case

    def documents(self) -> Iterator[Document]:
        """A fresh stream of the shared corpus, each id once. Raises FaultyData."""
        for one in self.corpus():
            if isinstance(one, Fault):
                if not one.warning:
                    raise FaultyData(one)
            else:
                yield one

    def digest(self) -> str:
        """What the data files hold, as 64 hex digits: the sha256 of the one file, or of all their digests in order.

        Pictures that the data name are not part of it.
        """
        digests = [_sha256(file) for file in self.files]
        if len(digests) == 1:
            return digests[0]
        return sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()


def from_files(
    path: Path,
    format: str,
    files: tuple[Path, ...],
    rows: Callable[[Path], Iterator[Row | Fault]],
    cases_of: Callable[[Row], Iterable[Case]],
    documents_of: Callable[[Row], Iterable[Document]] | None = None,
) -> DataSet:
    """A data set whose every record becomes some cases, and some documents of the shared corpus.

    All three functions are those of a module, so that the data set can be sent to another process.
    """
    corpus = _no_documents if documents_of is None else partial(pooled, files, rows, documents_of)
    return DataSet(name_of(path), format, path, partial(_of_files, files, rows, cases_of), corpus, files)


def name_of(path: Path) -> str:
    """What a data set is called: its folder's name, or its file's without endings.

    >>> name_of(Path("data/nq-open-oracle.jsonl.gz"))
    'nq-open-oracle'
    """
    return path.name if path.is_dir() else Path(path.name.removesuffix(".gz")).stem


def data_files(path: Path, *patterns: str) -> tuple[Path, ...]:
    """The file itself, or the files of a folder that match, in the order of their names.

    Raises BadInput where the folder has none.
    """
    if not path.is_dir():
        return (path,)
    found = sorted({file for pattern in patterns for file in path.glob(pattern) if file.is_file()})
    if not found:
        raise BadInput(f"{path} holds no {' or '.join(patterns)}")
    return tuple(found)


def passage(text: str, title: str = "") -> Document:
    """A passage of a corpus that gives no ids: equal texts have equal ids, in every file.

    >>> passage("It rained.", title="Weather").id
    'p8598a570d8ac494f'
    """
    whole = f"{title}\n{text}" if title else text
    return Document(f"p{sha256(whole.encode()).hexdigest()[:16]}", Content(whole))


def distinct(documents: Iterable[Document]) -> tuple[Document, ...]:
    """The documents in order, each id once."""
    return tuple({document.id: document for document in documents}.values())


def placed(rows: Iterable[Row | Fault], cases_of: Callable[[Row], Iterable[Case]]) -> Iterator[Placed | Fault]:
    """The cases of records with their places; a record that cannot be read becomes its fault, and the next is read."""
    for row in rows:
        if isinstance(row, Fault):
            yield row
            continue
        try:
            cases = tuple(cases_of(row))
        except FaultyData as error:
            yield error.fault
            continue
        for case in cases:
            yield Placed(case, row.file, row.line)


def _of_files(
    files: tuple[Path, ...],
    rows: Callable[[Path], Iterator[Row | Fault]],
    cases_of: Callable[[Row], Iterable[Case]],
) -> Iterator[Placed | Fault]:
    for file in files:
        yield from placed(rows(file), cases_of)


def pooled(
    files: tuple[Path, ...],
    rows: Callable[[Path], Iterator[Row | Fault]],
    documents_of: Callable[[Row], Iterable[Document]],
) -> Iterator[Document | Fault]:
    """The documents of all records, each id once; a record that cannot be read is a fault of the cases already."""
    seen: set[str] = set()
    for file in files:
        for row in rows(file):
            if isinstance(row, Fault):
                continue
            try:
                documents = tuple(documents_of(row))
            except FaultyData:
                continue
            for document in documents:
                if document.id not in seen:
                    seen.add(document.id)
                    yield document


def _sha256(file: Path) -> str:
    import hashlib

    try:
        with open(file, "rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror or error}") from error
