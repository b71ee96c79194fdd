"""One record of a data file, whose fields are read by type; a wrong one is named with its file and line."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from .fault import Fault, FaultyData

T = TypeVar("T")

_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),
    (str, "text"),
    ((int, float), "a number"),
    (Mapping, "an object"),
    ((list, tuple), "a list"),
)


def kind_of(value: object) -> str:
    """What a JSON value is, in words.

    >>> [kind_of(value) for value in (None, True, "a", 1, [], {})]
    ['null', 'true or false', 'text', 'a number', 'a list', 'an object']
    """
    if value is None:
        return "null"
    return next((words for kind, words in _KINDS if isinstance(value, kind)), type(value).__name__)


@dataclass(frozen=True, slots=True)
class Row:
    """A record with its place: ``line`` from 1, ``number`` from 0 among the records of its file.

    ``key`` is the record's own name where the file is an object of records. Every reading method raises FaultyData for
    a field of another type, and for one that is missing or null unless a default is given.
    """

    file: Path
    line: int
    number: int
    fields: Mapping[str, Any]
    key: str = ""
    within: str = ""

    def __contains__(self, field: str) -> bool:
        """Whether the field is there and not null."""
        return self.fields.get(field) is not None

    def faulty(self, field: str, what: str) -> FaultyData:
        """The error that names this field of this record."""
        return FaultyData(Fault(self.file, self.line, f"{self.within}{field}", what))

    def text(self, field: str, default: str | None = None) -> str:
        """A text field."""
        value = self.fields.get(field)
        if isinstance(value, str):
            return value
        if value is None:
            return self._or(field, default)
        as_text = json.dumps(str(value)) if isinstance(value, int | float) else ""
        raise self.faulty(field, f"must be text, not {kind_of(value)}{f': write {as_text}' if as_text else ''}")

    def texts(self, field: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of texts."""
        value = self.fields.get(field)
        if value is None:
            return self._or(field, default)
        if not isinstance(value, list | tuple):
            raise self.faulty(field, f"must be a list of texts, not {kind_of(value)}: put it in [ ]")
        for place, one in enumerate(value):
            if not isinstance(one, str):
                raise self.faulty(f"{field}[{place}]", f"must be text, not {kind_of(one)}")
        return tuple(value)

    def one_or_more(self, field: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A text, or a list of texts."""
        value = self.fields.get(field)
        return (value,) if isinstance(value, str) else self.texts(field, default)

    def whole(self, field: str, default: int | None = None) -> int:
        """A whole number."""
        value = self.fields.get(field)
        if value is None:
            return self._or(field, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.faulty(field, f"must be a whole number, not {kind_of(value)}")
        return value

    def flag(self, field: str, default: bool | None = None) -> bool:
        """True or false."""
        value = self.fields.get(field)
        if value is None:
            return self._or(field, default)
        if not isinstance(value, bool):
            raise self.faulty(field, f"must be true or false, not {kind_of(value)}")
        return value

    def one_of(self, field: str, allowed: tuple[str, ...]) -> str:
        """A text out of a closed set."""
        value = self.text(field)
        if value not in allowed:
            raise self.faulty(field, f"must be one of {', '.join(allowed)}, not {json.dumps(value[:40])}")
        return value

    def name(self, field: str) -> str:
        """An id: text, or a whole number written as text."""
        value = self.fields.get(field)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return self.text(field)

    def inner(self, field: str) -> "Row":
        """An object inside this one."""
        value = self.fields.get(field)
        if not isinstance(value, Mapping):
            raise self.faulty(field, "is missing" if value is None else f"must be an object, not {kind_of(value)}")
        return Row(self.file, self.line, self.number, value, within=f"{self.within}{field}.")

    def inners(self, field: str, default: tuple["Row", ...] | None = None) -> tuple["Row", ...]:
        """A list of objects inside this one."""
        value = self.fields.get(field)
        if value is None:
            return self._or(field, default)
        if not isinstance(value, list | tuple):
            raise self.faulty(field, f"must be a list of objects, not {kind_of(value)}: put it in [ ]")
        for place, one in enumerate(value):
            if not isinstance(one, Mapping):
                raise self.faulty(f"{field}[{place}]", f"must be an object, not {kind_of(one)}")
        return tuple(
            Row(self.file, self.line, self.number, one, within=f"{self.within}{field}[{place}].")
            for place, one in enumerate(value)
        )

    def _or(self, field: str, default: T | None) -> T:
        if default is None:
            raise self.faulty(field, "is missing" if field not in self.fields else "is null")
        return default
