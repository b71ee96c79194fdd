"""Captions that lie beside an image: ``photo.txt``, ``photo.jpg.txt``, ``photo.md`` or ``photo.json``."""

import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from .text import decode

_SUFFIXES = (".txt", ".md", ".json")

LONGEST_CAPTION = 4096
"""Bytes; a longer text beside an image is a document of its own that happens to bear the image's name."""


class Caption(NamedTuple):
    """An image's caption, and the relative paths of the files it stands in."""

    text: str
    files: tuple[str, ...]


def find_captions(root: Path, images: Sequence[str]) -> dict[str, Caption]:
    """The caption of each image that has one; all paths relative to ``root``.

    ``photo.jpg.txt`` captions ``photo.jpg`` only, ``photo.txt`` every image called photo; what both say is joined.
    """
    captions: dict[str, Caption] = {}
    for image in images:
        stem = str(PurePosixPath(image).with_suffix(""))
        candidates = [base + suffix for base in (image, stem) for suffix in _SUFFIXES]
        texts = {file: text for file in candidates if (text := _read(root / file))}
        if texts:
            captions[image] = Caption("\n".join(dict.fromkeys(texts.values())), tuple(texts))
    return captions


def _read(path: Path) -> str | None:
    """The caption in a side-car file; None where the file is no caption after all."""
    try:
        if path.is_symlink() or path.stat().st_size > LONGEST_CAPTION:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    text = decode(data).text.strip()
    if path.suffix != ".json":
        return text or None
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return None
    caption = fields.get("caption") if isinstance(fields, dict) else None
    return caption.strip() or None if isinstance(caption, str) else None
