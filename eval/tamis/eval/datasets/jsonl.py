"""Our own format: JSON Lines, one case a line, UTF-8 (a name that ends in ``.gz`` is decompressed).

At its smallest::

    {"id": "q1", "question": "Who built the tower?", "documents": [{"id": "d1", "text": "..."}], "gold": ["d1"],
     "answers": ["Eiffel"], "answerable": true}

======================  ============================================================================================
field of a case         what it is
======================  ============================================================================================
``id``                  text, its own in the file; required
``question``            text; required, and not empty unless there is an ``image``
``image``               an image, or a list of images, that belong to the question
``documents``           the corpus of this case, a list of documents; left out where the pipeline has its own
``gold``                ids of the relevant documents
``relevance``           ``{id: grade}`` for graded judgements: 0 judged and not relevant, 1 and above relevant;
                        an id in ``gold`` that is not in ``relevance`` has grade 1
``answers``             accepted answers, a list of texts; any of them will do
``answerable``          true or false; left out where it is not known. True wants a gold document or an answer,
                        false wants neither
``targets``             wrong answers that an attack may try to bring about
``tags``                a list of texts to group results by
``group``               text: cases of one group are not independent of each other, intervals are taken over groups
``extra``               an object with whatever else belongs to the case
======================  ============================================================================================

======================  ============================================================================================
field of a document     what it is
======================  ============================================================================================
``id``                  text, its own in the corpus; required
``text``                text
``image``               an image, or a list of images
``date``                year, month and day: ``"2024-05-31"``
``planted``             the name of the attack that put it there; left out for an honest document
======================  ============================================================================================

An image is a path relative to the folder of the data file, inside that folder, or a ``data:`` URL. Reading a data file
opens no image: whether one may be opened is for the media policy of the run to say. Fields of other names are
passed over with a warning.

A corpus that all cases share stands in a folder: ``cases.jsonl`` beside ``documents.jsonl`` (one document a line), and
the folder is what is loaded.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from functools import partial
from os import sep
from os.path import normpath
from pathlib import Path, PureWindowsPath
from types import MappingProxyType
from typing import Any, TypeVar

from tamis.core.content import Content
from tamis.core.image import Image

from ..case import Case, Document
from .dataset import DataSet, Placed, data_files, name_of
from .fault import Fault, FaultyData
from .reading import json_lines
from .row import Row, kind_of

T = TypeVar("T")
U = TypeVar("U")

CASES = "cases.jsonl"
DOCUMENTS = "documents.jsonl"
CASE_FIELDS = (
    "id",
    "question",
    "image",
    "documents",
    "gold",
    "relevance",
    "answers",
    "answerable",
    "targets",
    "tags",
    "group",
    "extra",
)
DOCUMENT_FIELDS = ("id", "text", "image", "date", "planted")

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def load(path: Path) -> DataSet:
    """Cases in our own format, from a file or from a folder with a shared corpus."""
    if not path.is_dir():
        return DataSet(name_of(path), "jsonl", path, partial(_cases, path), files=(path,))
    cases = data_files(path, CASES, f"{CASES}.gz")[0]
    documents = next((file for file in (path / DOCUMENTS, path / f"{DOCUMENTS}.gz") if file.is_file()), None)
    if documents is None:
        return DataSet(path.name, "jsonl", path, partial(_cases, cases), files=(cases,))
    return DataSet(path.name, "jsonl", path, partial(_cases, cases), partial(_documents, documents), (cases, documents))


def case_of(row: Row, folder: Path | None) -> tuple[Case | None, list[Fault]]:
    """A record as a case, and everything that is wrong with it; no case where that is more than a warning.

    ``folder`` is what image paths are relative to; None: the record comes from no file, paths are faults.
    """
    reading = _Reading(folder)
    documents = reading.take(partial(row.inners, "documents", ()), ())
    case = Case(
        id=reading.take(partial(row.text, "id"), ""),
        query=Content(
            reading.take(partial(row.text, "question", "" if "image" in row else None), ""), reading.images(row)
        ),
        documents=tuple(reading.document(one) for one in documents),
        relevance=reading.relevance(row),
        answers=reading.take(partial(row.texts, "answers", ()), ()),
        answerable=reading.take(partial(row.flag, "answerable"), None) if "answerable" in row else None,
        targets=reading.take(partial(row.texts, "targets", ()), ()),
        tags=reading.take(partial(row.texts, "tags", ()), ()),
        group=reading.take(partial(row.text, "group"), None) if "group" in row else None,
        extra=reading.extra(row),
    )
    reading.unknown(row, CASE_FIELDS)
    if not case.id and not any(fault.field == "id" for fault in reading.faults):
        reading.faults.append(row.faulty("id", "is empty").fault)
    return (None if reading.is_faulty else case), reading.faults


def document_of(row: Row, folder: Path | None) -> tuple[Document | None, list[Fault]]:
    """A record as a document, and everything that is wrong with it; no document where that is more than a warning."""
    reading = _Reading(folder)
    document = reading.document(row)
    return (None if reading.is_faulty else document), reading.faults


def _cases(path: Path) -> Iterator[Placed | Fault]:
    for row in json_lines(path):
        if isinstance(row, Fault):
            yield row
            continue
        case, faults = case_of(row, path.parent)
        yield from faults
        if case is not None:
            yield Placed(case, path, row.line)


def _documents(path: Path) -> Iterator[Document | Fault]:
    for row in json_lines(path):
        if isinstance(row, Fault):
            yield row
            continue
        document, faults = document_of(row, path.parent)
        yield from faults
        if document is not None:
            yield document


class _Reading:
    """Reads fields one after the other and gathers what is wrong, where a ``Row`` alone would stop at the first."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.faults: list[Fault] = []

    @property
    def is_faulty(self) -> bool:
        return any(not fault.warning for fault in self.faults)

    def take(self, read: Callable[[], T], otherwise: U) -> T | U:
        try:
            return read()
        except FaultyData as error:
            self.faults.append(error.fault)
            return otherwise

    def document(self, row: Row) -> Document:
        found = Document(
            id=self.take(partial(row.text, "id"), ""),
            content=Content(self.take(partial(row.text, "text", ""), ""), self.images(row)),
            date=self.take(partial(_date, row), None) if "date" in row else None,
            planted=self.take(partial(row.text, "planted"), None) if "planted" in row else None,
        )
        self.unknown(row, DOCUMENT_FIELDS)
        return found

    def images(self, row: Row) -> tuple[Image, ...]:
        if "image" not in row:
            return ()
        names = self.take(partial(row.one_or_more, "image"), ())
        images = (self.take(partial(_image, row, name, self.folder), None) for name in names)
        return tuple(image for image in images if image is not None)

    def relevance(self, row: Row) -> Mapping[str, int]:
        gold = self.take(partial(row.texts, "gold", ()), ())
        grades: dict[str, int] = {}
        if "relevance" in row:
            grades.update(self.take(partial(_grades, row), grades))
        for name in gold:
            if grades.get(name, 1) < 1:
                self.faults.append(row.faulty("gold", f'"{name}" is gold here and has grade 0 in relevance').fault)
        return MappingProxyType({**dict.fromkeys(gold, 1), **grades})

    def extra(self, row: Row) -> Mapping[str, Any]:
        found = self.take(partial(row.inner, "extra"), None) if "extra" in row else None
        return MappingProxyType({} if found is None else dict(found.fields))

    def unknown(self, row: Row, known: Iterable[str]) -> None:
        for name in row.fields:
            if name not in known:
                near = get_close_matches(name, known, n=1)
                hint = f'; did you mean "{near[0]}"?' if near else f"; known: {', '.join(known)}"
                self.faults.append(
                    Fault(row.file, row.line, f"{row.within}{name}", f"is not known{hint}", warning=True)
                )


def _date(row: Row) -> date:
    written = row.text("date")
    try:
        if _DATE.fullmatch(written):
            return date.fromisoformat(written)
    except ValueError as error:
        raise row.faulty("date", f"is no date: {error}") from error
    raise row.faulty("date", 'must be written as year-month-day, for example "2024-05-31"')


def _grades(row: Row) -> dict[str, int]:
    grades: dict[str, Any] = dict(row.inner("relevance").fields)
    for name, grade in grades.items():
        if isinstance(grade, bool) or not isinstance(grade, int) or grade < 0:
            shown = grade if kind_of(grade) == "a number" else kind_of(grade)
            raise row.faulty(f"relevance.{name}", f"a grade must be a whole number of at least 0, not {shown}")
    return grades


def _image(row: Row, name: str, folder: Path | None) -> Image:
    if name[:5].lower() == "data:":
        return Image(url=name)
    if _SCHEME.match(name):
        raise row.faulty("image", "is a URL; nothing is fetched: save the image beside the data file and give its path")
    # A drive or a share of Windows leads out on any system: the file may be read there.
    leads_out = name.startswith("/") or PureWindowsPath(name).anchor or normpath(name).split(sep)[0] in ("..", ".")
    if leads_out or "\0" in name:
        raise row.faulty("image", "must be a path inside the folder of the data file, relative to it")
    if folder is None:
        raise row.faulty("image", "is a path, but the records come from no file that it could be relative to")
    return Image(path=str(folder / name))
