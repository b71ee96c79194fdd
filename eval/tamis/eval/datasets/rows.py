"""Cases from rows in memory: a Hugging Face ``Dataset``, a list of dictionaries."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting
from tamis.core.image import Image

from ..case import Case
from .dataset import DataSet, Placed
from .fault import Fault
from .jsonl import CASE_FIELDS, case_of
from .row import Row


def from_rows(
    rows: Iterable[Mapping[str, Any]], mapping: Mapping[str, str] | None = None, *, name: str = "rows"
) -> DataSet:
    """A data set over rows that can be gone through again and again, such as those of a Hugging Face ``Dataset``.

    ``mapping`` says which column holds which field of a case (see ``jsonl``): ``{"question": "query", "answers":
    "answer"}``; a field that it leaves out is looked for under its own name, and other columns are passed over.
    Where there is no id, it is the row's number; a single text in a column of texts counts as a list of one. An
    ``image`` may be what Hugging Face decodes: encoded bytes, ``{"bytes", "path"}``, or a Pillow image, which is then
    encoded as PNG; paths are not taken, since rows have no folder. In faults, the line is the row's number from 1.

    The data are in no file, so that a run over them cannot name what it read: ``write`` them first where that counts.
    Raises BadSetting for an unknown field in the mapping, BadInput for rows that can be gone through only once.

    >>> [case.answers for case in from_rows([{"q": "2 + 2?", "a": "4"}], {"question": "q", "answers": "a"}).cases()]
    [('4',)]
    """
    columns = dict(mapping or {})
    if unknown := sorted(set(columns) - set(CASE_FIELDS)):
        raise BadSetting(f"a case has no field {', '.join(unknown)}; known: {', '.join(CASE_FIELDS)}")
    if isinstance(rows, Iterator):
        raise BadInput("the rows can be gone through only once: hand over a list, or a data set that is not streamed")
    columns = {field: columns.get(field, field) for field in CASE_FIELDS}
    return DataSet(name, "rows", Path(name), partial(_placed, rows, columns, Path(name)))


def _placed(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], file: Path) -> Iterator[Placed | Fault]:
    for number, record in enumerate(rows):
        fields = {field: _plain(record[column]) for field, column in columns.items() if column in record}
        images = _images(fields.pop("image", None))
        if not isinstance(fields.get("id"), str):
            fields["id"] = str(fields.get("id", number))
        for field in ("answers", "gold", "targets", "tags"):
            if isinstance(fields.get(field), str):
                fields[field] = [fields[field]]
        row = Row(file, number + 1, number, fields if images is None else {**fields, "image": "data:,"})
        case, faults = case_of(row, None)
        yield from faults
        if case is not None:
            yield Placed(case if images is None else _with_images(case, images), file, number + 1)


def _with_images(case: Case, images: tuple[Image, ...]) -> Case:
    from dataclasses import replace

    return replace(case, query=Content(case.query.text, images))


def _plain(value: Any) -> Any:
    """A column's value as JSON has it: NumPy scalars and arrays become numbers and lists."""
    return value.tolist() if hasattr(value, "tolist") and hasattr(value, "dtype") else value


def _images(value: Any) -> tuple[Image, ...] | None:
    if value is None:
        return None
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(_image(one) for one in values)


def _image(value: Any) -> Image:
    if isinstance(value, Image):
        return value
    if isinstance(value, bytes):
        return Image(data=value)
    if isinstance(value, Mapping) and isinstance(value.get("bytes"), bytes):
        return Image(data=value["bytes"])
    if isinstance(value, str) and value[:5].lower() == "data:":
        return Image(url=value)
    if hasattr(value, "save") and hasattr(value, "mode"):
        from io import BytesIO

        encoded = BytesIO()
        value.save(encoded, format="PNG")
        return Image(data=encoded.getvalue())
    raise BadInput(
        f"an image of a row must be encoded bytes, a Pillow image or a data: URL, not {type(value).__name__}; "
        "write the rows as JSON Lines beside their images where they are files"
    )
