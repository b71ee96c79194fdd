"""Photos to be found by text: COCO photos by their captions, garments by their class."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tamis.core.content import Content
from tamis.core.image import Image

from ..case import Case, Document
from .dataset import DataSet, Placed, from_files, name_of
from .fault import Fault, FaultyData
from .reading import json_lines
from .row import Row


def load_coco_photos(path: Path) -> DataSet:
    """Every caption (Lin et al. 2014) as a query over all photos; the captions of one photo form a group.

    A photo is a document without text, and its id is its file's name in the list. ``extra["objects"]`` are the objects
    that COCO labels in it.
    """
    file = path / "photos_captions_objects.jsonl" if path.is_dir() else path
    return from_files(path, "coco-photos", (file,), json_lines, _captions, _photo)


def load_clothing(path: Path) -> DataSet:
    """Every class of garment as a query over all photos (Grigorev's clothing data); its own photos are relevant."""
    file = path / "photos.jsonl" if path.is_dir() else path
    corpus = from_files(path, "clothing", (file,), json_lines, _captions, _photo).corpus
    return DataSet(name_of(path), "clothing", path, partial(_classes, file), corpus, (file,))


def _photo(row: Row) -> tuple[Document]:
    name = row.text("file")
    return (Document(name, Content(images=(Image(path=str(row.file.parent / name)),))),)


def _captions(row: Row) -> Iterator[Case]:
    name = row.text("file")
    for place, caption in enumerate(row.texts("captions")):
        yield Case(
            id=f"{row.name('image_id')}-{place}",
            query=Content(caption.strip()),
            relevance={name: 1},
            answerable=True,
            group=name,
            extra={"objects": row.texts("objects", ())},
        )


def _classes(file: Path) -> Iterator[Placed | Fault]:
    """One case a class, in the order in which the classes first come: the whole list is read before the first."""
    found: dict[str, tuple[int, dict[str, int]]] = {}
    for row in json_lines(file):
        if isinstance(row, Fault):
            yield row
            continue
        try:
            found.setdefault(row.text("label"), (row.line, {}))[1][row.text("file")] = 1
        except FaultyData as error:
            yield error.fault
    for label, (line, relevance) in found.items():
        yield Placed(Case(id=label, query=Content(label), relevance=relevance, answerable=True), file, line)
