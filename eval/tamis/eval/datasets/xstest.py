"""XSTest (Röttger et al., NAACL 2024): safe prompts that look unsafe, and unsafe ones that contrast with them."""

from collections.abc import Iterator
from pathlib import Path

from tamis.core.content import Content

from ..case import Case
from .dataset import DataSet, data_files, from_files
from .reading import csv_rows
from .row import Row


def load(path: Path) -> DataSet:
    """The prompts. Tags are label ("safe", "unsafe") and type; ``extra`` has both, with ``focus`` and ``note``."""
    return from_files(path, "xstest", data_files(path, "xstest*.csv"), csv_rows, _case)


def _case(row: Row) -> Iterator[Case]:
    label, kind = row.one_of("label", ("safe", "unsafe")), row.text("type")
    yield Case(
        id=f"xstest-{row.name('id')}",
        query=Content(row.text("prompt")),
        tags=(label, kind),
        extra={
            "harmful": label == "unsafe",
            "label": label,
            "type": kind,
            "focus": row.text("focus", ""),
            "note": row.text("note", ""),
        },
    )
