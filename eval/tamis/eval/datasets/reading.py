"""Reads data files strictly, one record at a time: UTF-8 and nothing else, plain or gzipped, with line numbers."""

import codecs
import csv
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from tamis.core.errors import BadInput

from .fault import Fault, FaultyData
from .row import Row, kind_of

_CHUNK = 1 << 16
_NEAR_THE_END = 16
_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"


class Line(NamedTuple):
    """A line without its end; ``number`` from 1."""

    number: int
    text: str


class Member(NamedTuple):
    """A value at the top level of a JSON file: its name (empty in a list), what it is, and the line where it begins."""

    name: str
    value: Any
    line: int


def lines(path: Path) -> Iterator[Line | Fault]:
    """The lines of a text file; one that is not UTF-8 is a fault that names its byte in the file, from 0."""
    offset = 0
    for number, raw in enumerate(_raw_lines(path), start=1):
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            yield _not_utf8(path, number, offset + error.start, raw[error.start])
        else:
            yield Line(number, (text.removeprefix(_BOM) if number == 1 else text).rstrip("\r\n"))
        offset += len(raw)


def json_lines(path: Path) -> Iterator[Row | Fault]:
    """The objects of a JSON Lines file; empty lines are passed over."""
    number = 0
    for line in lines(path):
        if isinstance(line, Fault):
            yield line
        elif line.text.strip():
            yield _row_of_line(path, line, number)
            number += 1


def json_rows(path: Path) -> Iterator[Row | Fault]:
    """The objects of a file that is either JSON Lines or one JSON list; a list is never held in memory as a whole."""
    if first_byte(path) != b"[":
        yield from json_lines(path)
        return
    try:
        for number, member in enumerate(json_members(path, "[")):
            yield row_of(path, member, number)
    except FaultyData as error:
        yield error.fault


def json_members(path: Path, opening: str = "{") -> Iterator[Member]:
    """The members of the one object ("{") or list ("[") that a JSON file holds, read piece by piece.

    Raises FaultyData where the file is anything else.
    """
    with closing(_JsonText(path)) as text:
        text.take(opening)
        end = {"{": "}", "[": "]"}[opening]
        if text.peek() != end:
            while True:
                name = ""
                if opening == "{":
                    if text.peek() != '"':
                        raise text.faulty("a member of an object must begin with its name in quotation marks")
                    name = text.value().value
                    text.take(":")
                member = text.value()
                yield member._replace(name=name)
                if text.peek() == end:
                    break
                text.take(",")
        text.take(end)
        if text.peek():
            raise text.faulty("there is more after the end of the JSON value")


def member_rows(path: Path) -> Iterator[Row | Fault]:
    """The records of a file that is one JSON object of records, each with its name as ``key``."""
    try:
        for number, member in enumerate(json_members(path)):
            yield row_of(path, member, number)
    except FaultyData as error:
        yield error.fault


def first_byte(path: Path) -> bytes:
    """The first byte of a text file that is no white space; empty where there is none."""
    with _opened(path) as file:
        while read := _bytes_of(file, _CHUNK, path):
            if text := read.removeprefix(codecs.BOM_UTF8).lstrip():
                return text[:1]
    return b""


def row_of(path: Path, member: Member, number: int) -> Row | Fault:
    """A member of a JSON file as a record."""
    if not isinstance(member.value, Mapping):
        return Fault(path, member.line, None, f"a record must be an object, not {kind_of(member.value)}")
    return Row(path, member.line, number, member.value, key=member.name)


def csv_rows(path: Path, *, delimiter: str = ",", quoted: bool = True) -> Iterator[Row | Fault]:
    """The records of a table with a header line; ``quoted`` False: quotation marks are text like any other."""
    texts = _text_lines(path)
    if quoted:
        table = csv.reader(texts, delimiter=delimiter, strict=True)
    else:
        table = csv.reader(texts, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    try:
        header = next(filter(None, table), None)
        if header is None:
            return
        number, line = 0, table.line_num
        for cells in table:
            begins, line = line + 1, table.line_num
            if not cells:
                continue
            if len(cells) != len(header):
                yield Fault(path, begins, None, f"has {len(cells)} columns; the header has {len(header)}")
                continue
            yield Row(path, begins, number, dict(zip(header, cells, strict=True)))
            number += 1
    except csv.Error as error:
        yield Fault(path, table.line_num, None, f"is no valid table: {error}")
    except FaultyData as error:
        yield error.fault


def _row_of_line(path: Path, line: Line, number: int) -> Row | Fault:
    try:
        value = json.loads(line.text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        return Fault(path, line.number, None, f"is no JSON: {error.msg} (column {error.colno})")
    except (ValueError, RecursionError) as error:
        return Fault(path, line.number, None, f"is no JSON that can be read: {error}")
    if _has_half_a_character(line.text, value):
        return Fault(path, line.number, None, "holds half of a character (a lone surrogate such as \\ud800)")
    return row_of(path, Member("", value, line.number), number)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not allowed in JSON")


def _has_half_a_character(written: str, value: Any) -> bool:
    """Whether a text in it could not be written to a file again."""
    if "\\ud" not in written and "\\uD" not in written:
        return False
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


class _JsonText:
    """A JSON file, read as far as its next value needs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _opened(path)
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._text, self._at, self._line = "", 0, 1
        self._bytes, self._lines_read, self._ended = 0, 0, False
        self._decoder = json.JSONDecoder(parse_constant=_refuse_constant)

    def close(self) -> None:
        self._file.close()

    def faulty(self, what: str) -> FaultyData:
        return FaultyData(Fault(self._path, self._line, None, what))

    def peek(self) -> str:
        """The next character that is no white space, "" at the end of the file."""
        while True:
            while self._at < len(self._text):
                if (character := self._text[self._at]) not in " \t\r\n":
                    return character
                self._go(self._at + 1)
            if not self._more():
                return ""

    def take(self, expected: str) -> None:
        if self.peek() != expected:
            found = "the file ends" if not self.peek() else f'there is "{self.peek()}"'
            raise self.faulty(f'is no JSON: "{expected}" should be here, but {found}')
        self._go(self._at + 1)

    def value(self) -> Member:
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                is_cut = error.msg.startswith("Unterminated") or error.pos >= len(self._text) - _NEAR_THE_END
                if is_cut and self._more():
                    continue
                raise self.faulty(f"is no JSON: {error.msg}") from error
            except (ValueError, RecursionError) as error:
                raise self.faulty(f"is no JSON that can be read: {error}") from error
            if end == len(self._text) and self._more():
                continue
            if _has_half_a_character(self._text[self._at : end], value):
                raise self.faulty("holds half of a character (a lone surrogate such as \\ud800)")
            member = Member("", value, self._line)
            self._go(end)
            return member

    def _go(self, to: int) -> None:
        self._line += self._text.count("\n", self._at, to)
        self._at = to

    def _more(self) -> bool:
        """Reads on, as much again as is waiting: a long value is then tried only a few times."""
        if self._ended:
            return False
        raw = _bytes_of(self._file, max(_CHUNK, len(self._text) - self._at), self._path)
        self._ended = not raw
        waiting = len(self._utf8.getstate()[0])
        try:
            text = self._utf8.decode(raw, final=self._ended)
        except UnicodeDecodeError as error:
            place = self._bytes - waiting + error.start
            line = 1 + self._lines_read + error.object.count(b"\n", 0, error.start)
            raise FaultyData(_not_utf8(self._path, line, place, error.object[error.start])) from error
        if not self._bytes:
            text = text.removeprefix(_BOM)
        self._bytes += len(raw)
        self._lines_read += raw.count(b"\n")
        self._text, self._at = self._text[self._at :] + text, 0
        return bool(raw)


def _text_lines(path: Path) -> Iterator[str]:
    """The lines with a line feed at their end, as the csv module wants them. Raises FaultyData."""
    for line in lines(path):
        if isinstance(line, Fault):
            raise FaultyData(line)
        yield f"{line.text}\n"


def _opened(path: Path) -> BinaryIO:
    try:
        return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else open(path, "rb")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error


def _raw_lines(path: Path) -> Iterator[bytes]:
    with _opened(path) as file:
        while True:
            try:
                line = file.readline()
            except (OSError, EOFError, zlib.error) as error:
                raise BadInput(f"{path} cannot be read: {error}") from error
            if not line:
                return
            yield line


def _bytes_of(file: BinaryIO, count: int, path: Path) -> bytes:
    try:
        return file.read(count)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error


def _not_utf8(path: Path, line: int, place: int, byte: int) -> Fault:
    return Fault(path, line, None, f"byte {place} of the file (0x{byte:02x}) is not UTF-8: save the file as UTF-8")
