"""AMBER (Wang et al. 2023): pictures to describe and yes/no questions about them, with the words of its scorer."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tamis.core.content import Content
from tamis.core.errors import BadInput
from tamis.core.image import Image

from ..case import Case
from .dataset import DataSet, Placed, name_of, placed
from .fault import Fault, FaultyData
from .reading import Line, json_members, json_rows, lines
from .row import Row

_QUERIES = "query_all.json"
_ANNOTATIONS = "annotations.json"


class Words(NamedTuple):
    """What AMBER's scorer knows of words: those that count for an object too, and those that are never made up."""

    relation: Mapping[str, tuple[str, ...]]
    safe: frozenset[str]


def load(path: Path) -> DataSet:
    """The questions of a query file, or of ``query_all.json`` in a folder, with their annotations from beside it.

    The tag is the type ("generative", "discriminative-hallucination", ...). A yes/no question has its ``answers``.
    ``extra``: ``type``, ``image`` (the picture's name) and ``truth``: "yes" or "no", or for a description the objects
    in the picture, with those that people make up in ``hallu``. Questions on one picture form a group. Pictures are
    looked for in ``image`` beside the file. ``words`` has the rest of what the scorer needs.
    """
    queries = path / _QUERIES if path.is_dir() else path
    annotations = queries.parent / _ANNOTATIONS
    for file in (queries, annotations):
        if not file.is_file():
            raise BadInput(f"there is no file {file}; AMBER wants its queries and {_ANNOTATIONS} in one folder")
    source = partial(_cases, queries, annotations)
    return DataSet(name_of(path), "amber", path, source, files=(queries, annotations))


def words(folder: Path) -> Words:
    """The word lists of the scorer, from ``relation.json`` and ``safe_words.txt``. Raises BadInput."""
    file = folder / "relation.json"
    relation = {
        member.name: Row(file, member.line, 0, {member.name: member.value}).texts(member.name)
        for member in json_members(file)
    }
    safe = set()
    for line in lines(folder / "safe_words.txt"):
        if isinstance(line, Fault):
            raise FaultyData(line)
        if isinstance(line, Line) and line.text.strip():
            safe.add(line.text.strip())
    return Words(relation, frozenset(safe))


def _cases(queries: Path, annotations: Path) -> Iterator[Placed | Fault]:
    known: dict[int, Row] = {}
    for row in json_rows(annotations):
        if isinstance(row, Fault):
            yield row
            continue
        try:
            known[row.whole("id")] = row
        except FaultyData as error:
            yield error.fault
    yield from placed(json_rows(queries), partial(_case, known))


def _case(known: Mapping[int, Row], row: Row) -> Iterator[Case]:
    number, name = row.whole("id"), row.text("image")
    if (annotation := known.get(number)) is None:
        raise row.faulty("id", f"{_ANNOTATIONS} has nothing about {number}")
    kind = annotation.text("type")
    is_generative = kind == "generative"
    extra: dict[str, object] = {"type": kind, "image": name}
    if is_generative:
        extra["truth"], extra["hallu"] = annotation.texts("truth"), annotation.texts("hallu", ())
    else:
        extra["truth"] = annotation.one_of("truth", ("yes", "no"))
    yield Case(
        id=f"amber-{number}",
        query=Content(row.text("query"), (Image(path=str(row.file.parent / "image" / name)),)),
        answers=() if is_generative else (annotation.text("truth"),),
        answerable=None if is_generative else True,
        tags=(kind,),
        group=name,
        extra=extra,
    )
