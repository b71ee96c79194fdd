"""Our own format: what a line means, every fault by line and field, memory that does not grow with the file."""

import json
import tracemalloc
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tamis.core.errors import BadInput
from tamis.core.image import Image
from tamis.eval.datasets import Fault, FaultyData, check, load

Put = Callable[[str, "str | bytes"], Path]

SMALLEST = {
    "id": "q1",
    "question": "Who built the tower?",
    "documents": [{"id": "d1", "text": "Eiffel built it."}, {"id": "d2", "text": "It is tall."}],
    "gold": ["d1"],
    "answers": ["Eiffel"],
    "answerable": True,
}


def written(*records: dict[str, Any]) -> str:
    return "".join(f"{json.dumps(record)}\n" for record in records)


def test_the_smallest_case(put: Put) -> None:
    (case,) = load(put("cases.jsonl", written(SMALLEST))).cases()
    assert (case.id, case.query.text, case.answers, case.answerable) == (
        "q1",
        "Who built the tower?",
        ("Eiffel",),
        True,
    )
    assert [(one.id, one.content.text) for one in case.documents] == [("d1", "Eiffel built it."), ("d2", "It is tall.")]
    assert case.gold == {"d1"}
    assert (case.targets, case.tags, case.group, dict(case.extra)) == ((), (), None, {})


def test_every_field(put: Put) -> None:
    put("pictures/a.png", b"not opened")
    record = {
        "id": "q",
        "question": "",
        "image": ["pictures/a.png", "data:image/png;base64,AA=="],
        "documents": [
            {"id": "d1", "image": "pictures/a.png", "date": "2024-05-31", "planted": "poison"},
            {"id": "d2", "text": "x"},
        ],
        "gold": ["d2"],
        "relevance": {"d1": 3, "d2": 2},
        "targets": ["no"],
        "tags": ["t"],
        "group": "g",
        "extra": {"any": [1, None]},
    }
    path = put("cases.jsonl", written(record))
    assert check(path) == []
    (case,) = load(path).cases()
    picture = Image(path=str(path.parent / "pictures/a.png"))
    assert case.query.images == (picture, Image(url="data:image/png;base64,AA=="))
    assert case.documents[0].content.images == (picture,)
    assert (case.documents[0].date, case.documents[0].planted) == (date(2024, 5, 31), "poison")
    assert dict(case.relevance) == {"d1": 3, "d2": 2}
    assert (case.targets, case.tags, case.group, dict(case.extra)) == (("no",), ("t",), "g", {"any": [1, None]})


@pytest.mark.parametrize(
    ("change", "field", "what"),
    [
        ({"id": None}, "id", "is null"),
        ({"id": ""}, "id", "is empty"),
        ({"id": 7}, "id", 'must be text, not a number: write "7"'),
        ({"question": "  "}, "question", "is empty"),
        ({"question": None}, "question", "is null"),
        ({"documents": {"id": "d1"}}, "documents", "must be a list of objects, not an object"),
        ({"documents": ["d1"]}, "documents[0]", "must be an object, not text"),
        ({"documents": [{"text": "a"}], "gold": []}, "documents[0].id", "is missing"),
        ({"documents": [{"id": "d1", "text": ["a"]}]}, "documents[0].text", "must be text, not a list"),
        ({"documents": [{"id": "d1", "text": "a"}] * 2}, "documents", 'two documents have the id "d1"'),
        ({"documents": [{"id": "d1", "text": "a", "date": "31.5.2024"}]}, "documents[0].date", "year-month-day"),
        ({"documents": [{"id": "d1", "text": "a", "date": "2024-02-30"}]}, "documents[0].date", "is no date"),
        ({"documents": [{"id": "d1", "image": "no.png"}]}, 'image of "d1"', "there is no file"),
        ({"image": "no.png"}, "image", "there is no file"),
        ({"image": "../no.png"}, "image", "inside the folder"),
        ({"image": "a/../../no.png"}, "image", "inside the folder"),
        ({"image": "/etc/no.png"}, "image", "inside the folder"),
        ({"image": "C:\\no.png"}, "image", "inside the folder"),
        ({"image": "\\\\server\\share\\no.png"}, "image", "inside the folder"),
        ({"image": "."}, "image", "inside the folder"),
        ({"image": "https://example.org/a.png"}, "image", "nothing is fetched"),
        ({"image": 3}, "image", "must be a list of texts, not a number"),
        ({"gold": ["d9"]}, "gold", 'no document has the id "d9"'),
        ({"gold": "d1"}, "gold", "must be a list of texts, not text: put it in [ ]"),
        ({"gold": [1]}, "gold[0]", "must be text, not a number"),
        ({"relevance": {"d1": 0}}, "gold", "has grade 0"),
        ({"relevance": {"d2": 1.5}}, "relevance.d2", "not 1.5"),
        ({"relevance": {"d2": True}}, "relevance.d2", "not true or false"),
        ({"relevance": {"d2": -1}}, "relevance.d2", "not -1"),
        ({"relevance": {"d8": 0}}, "relevance", 'no document has the id "d8"'),
        ({"relevance": []}, "relevance", "must be an object, not a list"),
        ({"answers": "Eiffel"}, "answers", "must be a list of texts, not text"),
        ({"answers": [], "gold": []}, "answerable", "neither a gold document nor an answer"),
        ({"answerable": False, "gold": []}, "answerable", "is false, but there is an answer"),
        ({"answerable": False, "answers": []}, "answerable", "is false, but there is a gold document"),
        ({"answerable": "yes"}, "answerable", "must be true or false, not text"),
        ({"tags": [None]}, "tags[0]", "must be text, not null"),
        ({"group": 1}, "group", 'write "1"'),
        ({"extra": []}, "extra", "must be an object, not a list"),
    ],
)
def test_a_fault_is_named_by_line_and_field(put: Put, change: dict[str, Any], field: str, what: str) -> None:
    path = put("cases.jsonl", written(SMALLEST, {**SMALLEST, "id": "q2", **change}))
    (fault,) = check(path)
    assert (fault.file, fault.line, fault.field, fault.warning) == (path, 2, field, False)
    assert what in fault.what
    with pytest.raises(BadInput, match="line 2"):
        load(path)


def test_an_unknown_field_is_a_warning_with_the_nearest_name(put: Put) -> None:
    path = put("cases.jsonl", written({**SMALLEST, "answer": 1, "documents": [{"id": "d1", "text": "a", "txet": "b"}]}))
    faults = check(path)
    assert [(fault.field, fault.warning) for fault in faults] == [("documents[0].txet", True), ("answer", True)]
    assert 'did you mean "text"?' in faults[0].what
    assert 'did you mean "answers"?' in faults[1].what
    assert len(list(load(path).cases())) == 1


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b'{"id": "q2", ', "is no JSON"),
        (b"[1]", "a record must be an object, not a list"),
        (b'{"id": "q2", "question": NaN}', "NaN is not allowed"),
        (b'{"id": "q2", "question": "\\ud800"}', "half of a character"),
        (b"[" * 100_000, "is no JSON that can be read"),
        (b'{"id": "q2", "question": "caf\xe9"}', "(0xe9) is not UTF-8"),
    ],
)
def test_a_line_that_cannot_be_read_is_a_fault_and_the_next_is_read(put: Put, line: bytes, what: str) -> None:
    last = written({**SMALLEST, "id": "q3", "answers": "x"})
    path = put("cases.jsonl", written(SMALLEST).encode() + line + b"\n\n" + last.encode())
    first, second = check(path)
    assert (first.line, first.field) == (2, None)
    assert what in first.what
    assert (second.line, second.field) == (4, "answers")


def test_loading_names_the_first_fault_and_counts_the_others(put: Put) -> None:
    path = put(
        "cases.jsonl", written({**SMALLEST, "gold": ["x"]}, SMALLEST, SMALLEST, {**SMALLEST, "id": "q", "oops": 1})
    )
    with pytest.raises(FaultyData) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(f'{path}, line 1, gold: no document has the id "x" (and 2 more faults)')
    assert f"tamis eval --check {path}" in message
    assert caught.value.fault == Fault(path, 1, "gold", 'no document has the id "x"')
    assert [(fault.line, fault.field) for fault in check(path) if not fault.warning] == [
        (1, "gold"),
        (2, "id"),
        (3, "id"),
    ]


def test_a_fault_is_one_printable_line_whatever_the_file_holds(put: Put) -> None:
    hostile = "\x1b[2J\u202e\n" + "x" * 5000
    path = put("cases.jsonl", written({**SMALLEST, "gold": [hostile], hostile: 1}))
    for fault in check(path):
        assert str(fault).isprintable()
        assert len(str(fault)) < 2000
    with pytest.raises(BadInput) as caught:
        load(path)
    assert str(caught.value).isprintable()


def test_an_empty_file_holds_no_cases(put: Put) -> None:
    assert [fault.what for fault in check(put("cases.jsonl", "\n\n"))] == ["holds no cases"]


def test_a_folder_has_a_shared_corpus(put: Put, tmp_path: Path) -> None:
    right = {"id": "q1", "question": "?", "gold": ["d2"]}
    put("cases.jsonl", written(right, {**right, "id": "q2", "gold": ["d9"]}))
    put("documents.jsonl", written({"id": "d1", "text": "a"}, {"id": "d2", "text": "b"}, {"id": "d1", "text": "c"}))
    faults = [(fault.file.name, fault.field, fault.what) for fault in check(tmp_path)]
    assert faults == [
        ("documents.jsonl", "id", 'two documents have the id "d1"'),
        ("cases.jsonl", "gold", 'no document has the id "d9"'),
    ]
    put("cases.jsonl", written(right))
    put("documents.jsonl", written({"id": "d1", "text": "a"}, {"id": "d2", "text": "b"}))
    loaded = load(tmp_path)
    assert [one.id for one in loaded.documents()] == ["d1", "d2"]
    assert [case.documents for case in loaded.cases()] == [()]


def test_cases_are_a_fresh_stream_each_time(put: Put) -> None:
    loaded = load(put("cases.jsonl", written(SMALLEST, {**SMALLEST, "id": "q2"})))
    streams = loaded.cases(), loaded.cases()
    assert [next(stream).id for stream in streams] == ["q1", "q1"]
    assert [case.id for case in loaded.cases()] == ["q1", "q2"]


def test_memory_does_not_grow_with_the_file(put: Put) -> None:
    long = {**SMALLEST, "documents": [{"id": "d1", "text": "passage " * 2000}]}
    path = put("cases.jsonl", written(*({**long, "id": f"q{number}"} for number in range(1500))))
    assert path.stat().st_size > 20_000_000
    tracemalloc.start()
    try:
        count = sum(1 for _ in load(path).cases())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 1500
    assert peak < 3_000_000
