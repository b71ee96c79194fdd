"""Opens data sets, and finds what is wrong with them before anything is asked of a pipeline."""

import os
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path

from tamis.core.errors import BadInput
from tamis.core.image import Image

from ..case import Case, Document
from .dataset import DataSet, Placed
from .fault import Fault, FaultyData

_OWN = "jsonl"


def load(path: str | Path, format: str | None = None) -> DataSet:
    """The data set at a path, checked: every case is read once, and none is kept.

    ``format`` is one of ``DATASETS.names()``; None finds it by names of files and fields. Raises BadInput where there
    is nothing, where the format cannot be told, and for faulty data, naming the first fault and how many more there
    are; raises UnknownComponent for a format that does not exist.
    """
    data = _opened(path, format)
    first: Fault | None = None
    more = 0
    # The corpus of a published set may be millions of documents, and is what it is.
    for fault in faults(data, corpus=data.format == _OWN):
        if fault.warning:
            continue
        if first is None:
            first = fault
        else:
            more += 1
    if first is None:
        return data
    besides = f" (and {more} more {'fault' if more == 1 else 'faults'})" if more else ""
    raise FaultyData(first, f"{besides}; see everything with: tamis eval --check {path}")


def check(path: str | Path, format: str | None = None) -> list[Fault]:
    """Everything that is wrong with the data at a path, in the order in which it stands there; empty where nothing is.

    Raises BadInput where there is nothing at all, or nothing whose format can be told.
    """
    return list(faults(_opened(path, format), corpus=True))


def faults(data: DataSet, *, corpus: bool) -> Iterator[Fault]:
    """What is wrong with a data set, one after the other, in memory that grows by some 100 bytes a case.

    ``corpus`` says whether the shared documents are read too. A missing image is a fault in our own format, and one
    warning for all of them in another's: published sets often leave the pictures to be got elsewhere.
    """
    known: set[int] = set()
    if corpus:
        yield from _corpus_faults(data, known)
    seen: set[int] = set()
    is_empty = True
    images = _Images(each=data.format == _OWN)
    for one in data.source():
        is_empty = False
        if isinstance(one, Fault):
            yield one
            continue
        yield from _case_faults(one, seen, known)
        yield from images.missing(one)
    yield from images.together(data)
    if is_empty:
        yield Fault(data.path, None, None, "holds no cases")


def _case_faults(placed: Placed, seen: set[int], known: set[int]) -> Iterator[Fault]:
    case, file, line = placed
    if (digest := _digest(case.id)) in seen:
        yield Fault(file, line, "id", f'"{case.id}" is the id of an earlier case')
    seen.add(digest)
    if not case.query:
        yield Fault(file, line, "question", "is empty")
    own = {document.id for document in case.documents}
    if len(own) < len(case.documents):
        twice = next(name for name in own if sum(one.id == name for one in case.documents) > 1)
        yield Fault(file, line, "documents", f'two documents have the id "{twice}"')
    for place, document in enumerate(case.documents):
        if not document.content:
            yield Fault(file, line, f"documents[{place}]", f'"{document.id}" is empty', warning=True)
    for name in case.relevance:
        if (own and name not in own) or (not own and known and _digest(name) not in known):
            field = "gold" if case.relevance[name] else "relevance"
            yield Fault(file, line, field, f'no document has the id "{name}"')
    yield from _answerable_faults(case, file, line)


def _answerable_faults(case: Case, file: Path, line: int | None) -> Iterator[Fault]:
    if case.answerable is True and not case.gold and not case.answers:
        yield Fault(file, line, "answerable", "is true, but there is neither a gold document nor an answer")
    if case.answerable is False and (case.gold or case.answers):
        known = "a gold document" if case.gold else "an answer"
        yield Fault(file, line, "answerable", f"is false, but there is {known}")


def _corpus_faults(data: DataSet, known: set[int]) -> Iterator[Fault]:
    file = data.files[-1] if data.files else data.path
    images = _Images(each=data.format == _OWN)
    try:
        for one in data.corpus():
            if isinstance(one, Fault):
                yield one
                continue
            if (digest := _digest(one.id)) in known:
                yield Fault(file, None, "id", f'two documents have the id "{one.id}"')
            known.add(digest)
            yield from images.missing_of((one,), file, None)
    except FaultyData as error:
        yield error.fault
    yield from images.together(data)


class _Images:
    """Counts the image files that are not there, and names ``each`` or all together."""

    def __init__(self, each: bool) -> None:
        self._each = each
        self._named = self._missing = 0
        self._first: Fault | None = None

    def missing(self, placed: Placed) -> Iterator[Fault]:
        yield from self._of(placed.case.query.images, "image", placed.file, placed.line)
        yield from self.missing_of(placed.case.documents, placed.file, placed.line)

    def missing_of(self, documents: Iterable[Document], file: Path, line: int | None) -> Iterator[Fault]:
        for document in documents:
            yield from self._of(document.content.images, f'image of "{document.id}"', file, line)

    def together(self, data: DataSet) -> Iterator[Fault]:
        if self._first is not None and not self._each:
            what = f"{self._missing} of {self._named} named images are not there; the first is {self._first.what}"
            yield Fault(self._first.file, self._first.line, "image", what, warning=True)

    def _of(self, images: tuple[Image, ...], field: str, file: Path, line: int | None) -> Iterator[Fault]:
        for image in images:
            if image.path is None:
                continue
            self._named += 1
            if os.path.isfile(image.path):
                continue
            self._missing += 1
            if self._each:
                yield Fault(file, line, field, f"there is no file {image.path}")
            elif self._first is None:
                self._first = Fault(file, line, field, image.path)


def _opened(path: str | Path, format: str | None) -> DataSet:
    from . import DATASETS
    from .sniff import format_of

    place = Path(os.path.abspath(path))
    if not place.exists():
        raise BadInput(f"there is no file or folder {path}")
    loader = DATASETS.load(format_of(place) if format is None else format)
    # What an installed loader returns is anybody's.
    data = loader(place)
    if not isinstance(data, DataSet):
        raise BadInput(f'the loader of the format "{format}" must return a DataSet, not {type(data).__name__}')
    return data


def _digest(name: str) -> int:
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
