"""Rows in memory become cases, whatever their columns are called."""

from io import BytesIO

import numpy as np
import PIL.Image
import pytest

from tamis.core.errors import BadInput, BadSetting
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.eval.datasets import from_rows
from tamis.eval.datasets.checks import faults


class Table:
    """Goes through its rows again and again, as a Hugging Face data set does."""

    def __init__(self, *rows: dict[str, object]) -> None:
        self.rows = rows

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self.rows)


def test_columns_are_mapped_and_the_rest_is_passed_over() -> None:
    rows = Table({"q": "2 + 2?", "answer": "4", "note": 1}, {"q": "3 + 3?", "answer": ["6", "six"], "id": 9})
    data = from_rows(rows, {"question": "q", "answers": "answer"}, name="sums")
    assert [(case.id, case.query.text, case.answers) for case in data.cases()] == [
        ("0", "2 + 2?", ("4",)),
        ("9", "3 + 3?", ("6", "six")),
    ]
    assert (data.name, data.format) == ("sums", "rows")
    assert list(faults(data, corpus=True)) == []
    assert len(list(data.cases())) == 2


def test_numpy_values_are_taken_for_what_they_hold() -> None:
    (case,) = from_rows(
        [{"question": "?", "answers": np.array(["a", "b"]), "answerable": np.bool_(True), "id": np.int64(3)}]
    ).cases()
    assert (case.id, case.answers, case.answerable) == ("3", ("a", "b"), True)


def test_images_as_they_are_decoded() -> None:
    pixels = PIL.Image.new("RGB", (2, 3), "red")
    encoded = BytesIO()
    pixels.save(encoded, format="PNG")
    given = [encoded.getvalue(), {"bytes": encoded.getvalue(), "path": None}, pixels, Image(data=b"x")]
    (case,) = from_rows([{"question": "", "image": given}]).cases()
    policy = MediaPolicy()
    assert [policy.open(image).size for image in case.query.images[:3]] == [(2, 3)] * 3
    assert case.query.images[3] == Image(data=b"x")
    with pytest.raises(BadInput, match="must be encoded bytes"):
        list(from_rows([{"question": "?", "image": "a.png"}]).cases())


def test_a_fault_is_named_by_row_and_field() -> None:
    data = from_rows([{"question": "?"}, {"question": 2}])
    assert [(fault.line, fault.field) for fault in faults(data, corpus=True)] == [(2, "question")]
    with pytest.raises(BadInput, match="rows, line 2, question"):
        list(data.cases())


def test_bad_mappings_and_streams() -> None:
    with pytest.raises(BadSetting, match="no field query; known: id, question"):
        from_rows([], {"query": "q"})
    with pytest.raises(BadInput, match="only once"):
        from_rows(iter([{"question": "?"}]))
