"""FigStep (Gong et al. 2023): harmful requests drawn as text into a picture, and harmless sentences beside them."""

from collections.abc import Iterator
from pathlib import Path

from tamis.core.content import Content
from tamis.core.image import Image

from ..case import Case
from .dataset import DataSet, data_files, from_files, name_of
from .fault import Fault
from .reading import Line, csv_rows, lines
from .row import Row


def load(path: Path) -> DataSet:
    """Harmful cases from ``safebench*.csv`` (the query is the picture alone), harmless from ``benign*.csv`` (a text).

    A folder gives both. ``extra`` has ``harmful`` for all of them, and for a picture the same request as text
    (``question``), the sentence that is drawn (``instruction``) and its ``category``: what the text-only control and
    the reading of the picture are compared with. The harmless sentences have no pictures.
    """
    return from_files(path, "figstep", data_files(path, "safebench*.csv", "benign*.csv"), _rows, _case)


def _rows(path: Path) -> Iterator[Row | Fault]:
    return _sentences(path) if path.name.startswith("benign") else csv_rows(path)


def _sentences(path: Path) -> Iterator[Row | Fault]:
    """A table of one column whose commas are not quoted: every line after the header is a sentence."""
    number = 0
    for line in lines(path):
        if isinstance(line, Fault):
            yield line
        elif isinstance(line, Line) and line.number > 1 and line.text.strip():
            yield Row(path, line.number, number, {"sentence": line.text})
            number += 1


def _case(row: Row) -> Iterator[Case]:
    if "sentence" in row:
        yield Case(
            id=f"{name_of(row.file)}-{row.number}",
            query=Content(row.text("sentence")),
            tags=("harmless",),
            extra={"harmful": False},
        )
        return
    place = "_".join(row.text(part) for part in ("dataset", "category_id", "task_id"))
    category = row.text("category_name")
    yield Case(
        id=f"figstep-{place}",
        query=Content(images=(Image(path=str(row.file.parent / "images" / f"query_{place}_6.png")),)),
        tags=("harmful", category),
        extra={
            "harmful": True,
            "category": category,
            "question": row.text("question"),
            "instruction": row.text("instruction"),
        },
    )
