"""Pairs of one's own to train on, from JSON lines, and in which order they are seen."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from tamis.core.content import Content
from tamis.core.errors import BadInput
from tamis.core.image import Image


class Row(NamedTuple):
    """One line of the data: ``passage`` answers ``query``, or not."""

    query: Content
    passage: Content
    label: bool


def read_rows(path: Path) -> list[Row]:
    """Rows of JSON lines: ``{"query", "query_image"?, "image"?, "text"?, "label"}``.

    A passage is an image, a text or both; images are paths, relative to the file. ``label`` is 1 or true where the
    passage answers the query, else 0 or false. Raises BadInput naming the line.
    """
    rows = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            query = Content(str(row.get("query") or ""), _images(path, row.get("query_image")))
            passage = Content(str(row.get("text") or ""), _images(path, row.get("image")))
            label = row["label"]
        except (ValueError, AttributeError, KeyError, TypeError) as error:
            raise BadInput(f"{path}:{number}: {type(error).__name__}: {error}") from error
        if not query or not passage or label not in (0, 1):
            raise BadInput(f"{path}:{number}: needs a query, an image or a text, and a label that is 0 or 1")
        rows.append(Row(query, passage, bool(label)))
    if not rows:
        raise BadInput(f"{path}: no rows in it")
    return rows


def _images(path: Path, image: str | None) -> tuple[Image, ...]:
    return (Image(path=str(path.parent / image)),) if image else ()


def step_rows(rows: Sequence[Row], each: int, seed: int, step: int) -> list[Row]:
    """The rows of that step: every epoch is in an order of its own, and its last step may see fewer."""
    a_pass = math.ceil(len(rows) / each)
    order = list(range(len(rows)))
    Random(f"rows-{seed}-{step // a_pass}").shuffle(order)
    start = step % a_pass * each
    return [rows[at] for at in order[start : start + each]]
