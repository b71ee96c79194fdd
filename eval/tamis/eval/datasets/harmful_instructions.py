"""Harmful requests (AdvBench, Zou et al. 2023) and ordinary ones (Stanford Alpaca), for screens and refusals."""

from collections.abc import Iterator
from pathlib import Path

from tamis.core.content import Content

from ..case import Case
from .dataset import DataSet, data_files, from_files, name_of
from .fault import Fault
from .reading import csv_rows, json_rows
from .row import Row


def load(path: Path) -> DataSet:
    """Requests from a ``.csv`` of harmful ones (``goal``), a ``.json`` of ordinary ones (``instruction``), or both.

    The tag is "harmful" or "harmless", as is ``extra["harmful"]``.
    """
    return from_files(path, "harmful-instructions", data_files(path, "*.csv", "*.json"), _rows, _case)


def _rows(path: Path) -> Iterator[Row | Fault]:
    return csv_rows(path) if ".csv" in path.suffixes else json_rows(path)


def _case(row: Row) -> Iterator[Case]:
    is_harmful = "goal" in row
    yield Case(
        id=f"{name_of(row.file)}-{row.number}",
        query=Content(row.text("goal" if is_harmful else "instruction")),
        tags=("harmful" if is_harmful else "harmless",),
        extra={"harmful": is_harmful},
    )
