"""SugarCrepe (Hsieh et al., NeurIPS 2023): a true caption of a photo and a fluent false one."""

from collections.abc import Iterator
from pathlib import Path

from tamis.core.content import Content
from tamis.core.image import Image

from ..case import Case, Document
from .dataset import DataSet, data_files, from_files
from .fault import Fault
from .reading import json_lines, member_rows
from .row import Row

_NAMES = ("add_att.json", "add_obj.json", "replace_*.json", "swap_*.json", "sugarcrepe*.jsonl")


def load(path: Path) -> DataSet:
    """The pairs of one file, or of a folder of them: the query is the photo alone, the documents are its two captions.

    The true caption has grade 1 and stands first, the false one grade 0. Photos are looked for in ``images`` beside the
    file. The tag is how the false caption was made ("add_att", "swap_obj", ...). Pairs on one photo form a group.
    """
    return from_files(path, "sugarcrepe", data_files(path, *_NAMES), _rows, _case)


def _rows(path: Path) -> Iterator[Row | Fault]:
    return json_lines(path) if ".jsonl" in path.name else member_rows(path)


def _case(row: Row) -> Iterator[Case]:
    if "filename" in row:
        kind, name = row.file.name.partition(".")[0], row.text("filename")
        item, photo = row.key, row.file.parent / "images" / name
    else:
        kind, name, item = row.text("kind"), row.text("file"), row.text("item")
        photo = row.file.parent / name
    case = f"{kind}-{item}"
    true, false = f"{case}-true", f"{case}-false"
    yield Case(
        id=case,
        query=Content(images=(Image(path=str(photo)),)),
        documents=(
            Document(true, Content(row.text("caption"))),
            Document(false, Content(row.text("negative_caption"))),
        ),
        relevance={true: 1, false: 0},
        tags=(kind,),
        group=name,
        extra={"image": name},
    )
