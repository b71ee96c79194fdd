"""POPE (Li et al., EMNLP 2023): yes/no questions about objects in a picture, in its form and on photos with labels."""

import re
from collections.abc import Iterator
from pathlib import Path

from tamis.core.content import Content
from tamis.core.image import Image

from ..case import Case
from .dataset import DataSet, data_files, from_files
from .reading import json_lines
from .row import Row

_KINDS = ("random", "popular", "adversarial")
_OBJECT = re.compile(r"is there an? (.+?) in the (?:image|picture|photo)", re.IGNORECASE)


def load(path: Path) -> DataSet:
    """The questions of one file, or of a folder of them; the query is the question with its picture.

    Pictures are looked for in ``images`` beside the file. The tag is how the absent objects were chosen ("random",
    "popular", "adversarial"; "present" where the file says so). ``extra``: ``label`` ("yes", "no"), ``object``,
    ``kind`` and ``image``, the picture's name. Questions on one picture form a group.
    """
    patterns = ("*pope*.jsonl", "*pope*.json", "object_presence*.jsonl")
    return from_files(path, "pope", data_files(path, *patterns), json_lines, _case)


def _case(row: Row) -> Iterator[Case]:
    label = row.one_of("label", ("yes", "no"))
    if "object" in row:
        name, kind, thing, question = row.text("file"), row.text("kind"), row.text("object"), row.text("question")
        case, picture = f"presence-{row.number}", row.file.parent / name
    else:
        name, question = row.text("image"), row.text("text")
        kind = next((kind for kind in _KINDS if kind in row.file.name), "")
        thing = found[1] if (found := _OBJECT.search(question)) else ""
        case, picture = f"{kind or 'pope'}-{row.name('question_id')}", row.file.parent / "images" / name
    yield Case(
        id=case,
        query=Content(question, (Image(path=str(picture)),)),
        answers=(label,),
        answerable=True,
        tags=(kind,) if kind else (),
        group=name,
        extra={"label": label, "object": thing, "kind": kind, "image": name},
    )
