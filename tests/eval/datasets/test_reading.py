"""Reading strictly and piece by piece: the same values as the json module, and every fault in its place."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.core.errors import BadInput
from tamis.eval.datasets.fault import Fault, FaultyData
from tamis.eval.datasets.reading import csv_rows, json_members, json_rows, lines
from tamis.eval.datasets.row import Row

Put = Callable[[str, "str | bytes"], Path]

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
# Files are read in pieces of 64 KiB: what stands around the end of the first is what may go wrong.
PIECE = 1 << 16


@settings(max_examples=40)
@given(
    value=st.lists(VALUES, max_size=6),
    before=st.integers(0, 60),
    indent=st.sampled_from([None, 1]),
    plain=st.booleans(),
)
def test_a_list_read_in_pieces_is_the_list(
    tmp_path_factory: pytest.TempPathFactory, value: list[object], before: int, indent: int | None, plain: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "pieces.json"
    written = json.dumps(value, indent=indent, ensure_ascii=plain)
    path.write_text("\n" * (PIECE - before) + written, "utf-8")
    members = list(json_members(path, "["))
    assert [member.value for member in members] == value
    starts = [member.line - (PIECE - before) for member in members]
    assert starts == sorted(starts)
    assert all(1 <= line <= 1 + written.count("\n") for line in starts)


@settings(max_examples=25)
@given(value=st.dictionaries(TEXT, VALUES, max_size=6), before=st.integers(0, 60))
def test_an_object_read_in_pieces_is_the_object(
    tmp_path_factory: pytest.TempPathFactory, value: dict[str, object], before: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "object.json"
    path.write_text(" " * (PIECE - before) + json.dumps(value, ensure_ascii=False), "utf-8")
    assert {member.name: member.value for member in json_members(path)} == value


def test_a_member_longer_than_many_pieces(put: Put) -> None:
    long = ["é" * 700_000, 12345]
    assert [member.value for member in json_members(put("a.json", json.dumps(long, ensure_ascii=False)), "[")] == long


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", 1, '"[" should be here, but the file ends'),
        ("{}", 1, 'there is "{"'),
        ("[1,\n2", 2, '"," should be here, but the file ends'),
        ("[1,\n\n2 3]", 3, '"," should be here'),
        ("[1,\ntru]", 2, "Expecting value"),
        ("[1]\n]", 2, "more after the end"),
        ("[1,\nNaN]", 2, "NaN is not allowed"),
        ('[1,\n"\\ud800"]', 2, "half of a character"),
        ('[1,\n"never ended]', 2, "Unterminated string"),
    ],
)
def test_a_broken_list_is_named_by_line(put: Put, text: str, line: int, what: str) -> None:
    with pytest.raises(FaultyData) as caught:
        list(json_members(put("a.json", text), "["))
    assert caught.value.fault.line == line
    assert what in caught.value.fault.what


def test_an_error_far_from_the_end_is_found_without_reading_on(put: Put) -> None:
    path = put("a.json", b"[1, x, " + b"2, " * PIECE + b"\xff")
    with pytest.raises(FaultyData, match="Expecting value"):
        list(json_members(path, "["))


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv"])
@pytest.mark.parametrize("before", [0, PIECE - 12])
def test_another_encoding_is_named_by_line_and_byte(put: Put, ending: str, before: int) -> None:
    bodies = {"jsonl": b'{"a": 1}\n{"a": "\xe9"}\n', "json": b'[{"a": 1},\n{"a": "\xe9"}]', "csv": b"a\n1\n\xe9\n"}
    raw = b"\n" * before + bodies[ending]
    path = put(f"a.{ending}", raw)
    rows = csv_rows(path) if ending == "csv" else json_rows(path)
    found = [row for row in rows if isinstance(row, Fault)]
    place = raw.index(b"\xe9")
    assert [(fault.line, fault.what) for fault in found] == [
        (
            1 + raw[:place].count(b"\n"),
            f"byte {place} of the file (0xe9) is not UTF-8: save the file as UTF-8",
        )
    ]


def test_marks_of_byte_order_and_ends_of_lines_of_other_systems_are_no_content(put: Put) -> None:
    path = put("a.jsonl", b'\xef\xbb\xbf{"a": 1}\r\n{"a": 2}\r\n')
    rows = [row for row in json_rows(path) if isinstance(row, Row)]
    assert [(row.line, row.number, dict(row.fields)) for row in rows] == [(1, 0, {"a": 1}), (2, 1, {"a": 2})]
    array = put("b.json", b'\xef\xbb\xbf [{"a": 1}]')
    assert [dict(row.fields) for row in json_rows(array) if isinstance(row, Row)] == [{"a": 1}]


def test_a_line_separator_inside_a_text_ends_no_line(put: Put) -> None:
    (line,) = lines(put("a.txt", "a\u2028b\x0bc"))
    assert not isinstance(line, Fault)
    assert line.text == "a\u2028b\x0bc"


def test_what_is_no_gzip_or_is_cut_says_so(put: Put) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        list(lines(put("a.jsonl.gz", b"plain")))
    whole = gzip.compress(b'{"a": 1}\n' * 1000)
    with pytest.raises(BadInput, match="cannot be read"):
        list(lines(put("b.jsonl.gz", whole[:-20])))


def test_a_row_of_a_table_has_its_line_and_as_many_columns_as_the_header(put: Put) -> None:
    rows = list(csv_rows(put("a.csv", 'a,b\n1,"x\ny"\n2\n3,z\n')))
    assert [(row.line, dict(row.fields)) for row in rows if isinstance(row, Row)] == [
        (2, {"a": "1", "b": "x\ny"}),
        (5, {"a": "3", "b": "z"}),
    ]
    assert [(row.line, row.what) for row in rows if isinstance(row, Fault)] == [(4, "has 1 columns; the header has 2")]


def test_a_quotation_mark_that_is_never_closed_is_a_fault(put: Put) -> None:
    (fault,) = csv_rows(put("a.csv", 'a,b\n1,"x\n'))
    assert isinstance(fault, Fault)
    assert "is no valid table" in fault.what
