"""HateCheck (Röttger et al., ACL 2021): functional tests of a hate-speech filter."""

from collections.abc import Iterator
from pathlib import Path

from tamis.core.content import Content

from ..case import Case
from .dataset import DataSet, data_files, from_files
from .reading import csv_rows
from .row import Row

_LABELS = ("hateful", "non-hateful")


def load(path: Path) -> DataSet:
    """The test cases. Tags are label, functionality and, where there is one, the group aimed at.

    ``extra["harmful"]`` is the label as true or false, and the other columns stand in ``extra`` by their names. Cases
    of one template form a group: never split it when something is tuned.
    """
    return from_files(path, "hatecheck", data_files(path, "test_suite_cases.csv"), csv_rows, _case)


def _case(row: Row) -> Iterator[Case]:
    label, functionality = row.one_of("label_gold", _LABELS), row.text("functionality")
    target = row.text("target_ident", "")
    template = row.text("templ_id")
    columns = {name: value for name, value in row.fields.items() if name and name != "test_case"}
    yield Case(
        id=f"hatecheck-{row.name('case_id')}",
        query=Content(row.text("test_case")),
        tags=tuple(tag for tag in (label, functionality, target) if tag),
        group=f"template-{template}",
        extra={**columns, "harmful": label == "hateful"},
    )
