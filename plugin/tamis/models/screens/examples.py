"""Labelled examples for training and measuring screens, from a JSON Lines file; no text is ever named in an error."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tamis.core.content import Content
from tamis.core.errors import BadInput
from tamis.core.image import Image
from tamis.core.media import MediaPolicy

KEYS = ("id", "text", "image", "harmful", "category", "group")


class Example(NamedTuple):
    """A content and whether it is harmful; ``group`` names examples that are never to be split (one template's)."""

    content: Content
    harmful: bool
    category: str | None = None
    group: str | None = None


def read_examples(path: Path, *, ocr: Callable[[Any], str] | None = None, harmful: bool | None = None) -> list[Example]:
    """The examples of a file, blank lines left out.

    A line is ``{"text": "...", "harmful": true}`` or ``{"image": "a.png", "harmful": false}`` with the image's path
    seen from the file, perhaps ``"category"`` and ``"group"``. With ``ocr`` the text in an image is put behind the
    example's own, and the image left out. ``harmful`` is what a line without a label is; None asks for one.
    Raises BadInput naming file, line and field, never what the text says.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    media = MediaPolicy(roots=(str(path.absolute().parent),))
    examples = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.strip():
            try:
                example = _example(line, path.parent, harmful)
                examples.append(example if ocr is None else _read_aloud(example, ocr, media))
            except BadInput as error:
                raise BadInput(f"{path}, line {number}: {error}") from error
    if not examples:
        raise BadInput(f"{path}: there is no line in it")
    return examples


def _read_aloud(example: Example, ocr: Callable[[Any], str], media: MediaPolicy) -> Example:
    from .image_text import text_of_images

    if not example.content.images:
        return example
    read = text_of_images(example.content.images, ocr, media)
    if read.problems:
        raise BadInput(f'"image": {read.problems[0]}')
    texts = [text for text in (example.content.text, *read.texts) if text.strip()]
    return example._replace(content=Content("\n".join(texts)))


def _example(line: bytes, folder: Path, harmful: bool | None) -> Example:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        # The error of json quotes nothing, and that of UTF-8 only bytes.
        raise BadInput(f"is not JSON: {type(error).__name__}") from None
    if not isinstance(fields, dict):
        raise BadInput(f"is no JSON object but {type(fields).__name__}")
    text, image = fields.get("text"), fields.get("image")
    for name, value in (("text", text), ("image", image), ("category", fields.get("category"))):
        if value is not None and not isinstance(value, str):
            raise BadInput(f'"{name}" must be a text, not {type(value).__name__}')
    content = Content(text or "", () if not image else (Image(path=str(folder / image)),))
    if not content:
        raise BadInput('has neither "text" nor "image" with anything in it')
    group = fields.get("group")
    return Example(
        content, _label(fields, harmful), fields.get("category") or None, None if group is None else str(group)
    )


def _label(fields: Mapping[str, Any], default: bool | None) -> bool:
    if "harmful" not in fields:
        if default is not None:
            return default
        raise BadInput('"harmful" is missing; it must be true or false')
    if not isinstance(fields["harmful"], bool):
        raise BadInput(f'"harmful" must be true or false, not {type(fields["harmful"]).__name__}')
    return fields["harmful"]
