"""Writes cases in our own format."""

import gzip
import json
import os
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from tamis.core.atomic import atomic_file
from tamis.core.content import Content
from tamis.core.errors import BadInput
from tamis.core.image import Image

from ..case import Case, Document


def write(cases: Iterable[Case], path: str | Path) -> int:
    """Writes cases as JSON Lines (gzipped where the name ends in ``.gz``) and returns how many.

    The file is there as a whole or not at all. What ``load`` reads from it are equal cases, except that images which
    are bytes have become ``data:`` URLs, tuples inside ``extra`` have become lists, and dates there text. Raises
    BadInput for an image outside the file's folder or behind a URL, for what has no place in JSON, and for a grade
    below 0.
    """
    target = Path(os.path.abspath(path))
    count = 0
    with atomic_file(target) as raw:
        # No name and no time in the header: the same cases give the same bytes.
        file = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if target.suffix == ".gz" else raw
        for case in cases:
            file.write(line_of(case, target.parent))
            count += 1
        if file is not raw:
            file.close()
    return count


def line_of(case: Case, folder: Path) -> bytes:
    """A case as a line of the file, with image paths relative to the folder. Raises BadInput."""
    gold = [name for name, grade in case.relevance.items() if grade == 1]
    if any(grade < 0 for grade in case.relevance.values()):
        raise BadInput(f'case "{case.id}" has a grade below 0')
    is_graded = len(gold) < len(case.relevance)
    written = {
        "id": case.id,
        "question": case.query.text,
        **_images(case.query, folder),
        "documents": [_document(document, folder) for document in case.documents],
        "gold": [] if is_graded else gold,
        "relevance": dict(case.relevance) if is_graded else {},
        "answers": list(case.answers),
        "answerable": case.answerable,
        "targets": list(case.targets),
        "tags": list(case.tags),
        "group": case.group,
        "extra": case.extra,
    }
    kept = {name: value for name, value in written.items() if name in ("id", "question") or value not in (None, [], {})}
    try:
        text = json.dumps(kept, ensure_ascii=False, allow_nan=False, default=_plain)
        return f"{text}\n".encode()
    except (TypeError, ValueError) as error:
        raise BadInput(f'case "{case.id}" cannot be written as JSON: {error}') from error


def _document(document: Document, folder: Path) -> dict[str, Any]:
    written = {
        "id": document.id,
        "text": document.content.text,
        **_images(document.content, folder),
        "date": None if document.date is None else document.date.isoformat(),
        "planted": document.planted,
    }
    return {name: value for name, value in written.items() if value is not None}


def _images(content: Content, folder: Path) -> dict[str, Any]:
    names = [_image(image, folder) for image in content.images]
    return {"image": names[0] if len(names) == 1 else names} if names else {}


def _image(image: Image, folder: Path) -> str:
    if image.data is not None:
        from base64 import b64encode

        return f"data:image/*;base64,{b64encode(image.data).decode()}"
    if image.url is not None:
        if image.url[:5].lower() != "data:":
            raise BadInput(f"{image} cannot be written: save the image beside the data file and give its path")
        return image.url
    place = Path(os.path.abspath(image.path or ""))
    if not place.is_relative_to(folder):
        raise BadInput(f"{image} is outside {folder}: write the data file into a folder that holds its images")
    name = place.relative_to(folder).as_posix()
    return f"./{name}" if name[:5].lower() == "data:" else name


def _plain(value: object) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in JSON")
