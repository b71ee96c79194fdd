"""BEGIN (Dziri et al., TACL 2022): dialogue responses, labelled by whether a piece of knowledge supports them."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tamis.core.content import Content

from ..case import Case
from .dataset import DataSet, data_files, from_files, name_of, passage
from .reading import csv_rows
from .row import Row

_LABELS = ("Fully attributable", "Not fully attributable", "Generic")


def load(path: Path) -> DataSet:
    """Claims to be judged: the query is a response, the document the knowledge that it must follow from.

    Tags are source, model and label. ``extra``: ``supported`` (None for a generic response), ``label``, ``message``
    (what was responded to), ``model``. Cases with one piece of knowledge form a group.
    """
    rows = partial(csv_rows, delimiter="\t", quoted=False)
    return from_files(path, "begin", data_files(path, "*.tsv"), rows, _case)


def _case(row: Row) -> Iterator[Case]:
    label = row.one_of("begin_label", _LABELS)
    source, model = row.text("data_source"), row.text("model_name")
    knowledge = passage(row.text("knowledge"))
    yield Case(
        id=f"{name_of(row.file)}-{row.number}",
        query=Content(row.text("response")),
        documents=(knowledge,),
        tags=(source, model, label),
        group=knowledge.id,
        extra={
            "supported": {"Fully attributable": True, "Not fully attributable": False}.get(label),
            "label": label,
            "message": row.text("message", ""),
            "model": model,
        },
    )
