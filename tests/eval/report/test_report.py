"""The report as JSON: strict, the same when read back, refused where it is not one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.errors import BadInput
from tamis.eval.report.neutral import json_text
from tamis.eval.report.report import (
    Counts,
    DataInfo,
    Difference,
    Estimate,
    FigureInfo,
    GateResult,
    Report,
    RunInfo,
    VariantInfo,
)

REPORT = Report(
    run=RunInfo("s", "t", DataInfo("d", "ab", 2), 7, 0.95, "0.1.0"),
    figures={"f1": FigureInfo(False, True), "hit": FigureInfo(True, None, "share")},
    variants=(VariantInfo("clean", "", 0.0, False), VariantInfo("poison@5", "poison", 5.0, False, realised=4.5)),
    estimates=(Estimate("f1", "clean", 2, 0, 1, 0.5, 0.25, None, {"late": 1}),),
    differences=(
        Difference("f1", "poison@5", "clean", 2, -0.5, -0.75, -0.25, 0.5, 1.0, None, "not enough data", ("a", "b")),
    ),
    gates=(GateResult("f1.clean > 0.1", "pass", 0.5, 0.25, 0.75, 20, "all of it"),),
    counts=Counts(2, 4, 1, 4),
)


def test_it_reads_back_as_the_same() -> None:
    written = json.loads(REPORT.to_bytes())
    assert next(iter(written)) == "schema"
    assert written["variants"][1]["realised"] == 4.5
    assert Report.of(written) == REPORT
    assert Report.of(written).to_bytes() == REPORT.to_bytes()


def test_a_field_of_a_later_version_is_left_out_and_a_missing_one_named() -> None:
    written = json.loads(REPORT.to_bytes())
    assert Report.of({**written, "later": 1}) == REPORT
    del written["gates"]
    with pytest.raises(BadInput, match="gates"):
        Report.of(written)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("schema",), "tamis-report/2", "tamis-report/1"),
        (("estimates",), {}, "report.estimates must be a list"),
        (("figures",), [], "report.figures must be a JSON object"),
        (("estimates", 0, "scored"), "two", r"report.estimates\[0\].scored is 'two'"),
        (("estimates", 0, "scored"), True, "must be int"),
        (("differences", 0, "verdict"), "fine", "must be one of better"),
        (("run",), None, "report.run must be a JSON object"),
    ],
)
def test_what_is_no_report_is_refused_with_the_place(path: tuple[Any, ...], value: Any, named: str) -> None:
    written = json.loads(REPORT.to_bytes())
    place = written
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(BadInput, match=named):
        Report.of(written)


def test_a_number_that_is_none_is_not_written() -> None:
    broken = Report(**{**vars(REPORT), "gates": (GateResult("g", "pass", float("nan"), None, None, 1),)})
    with pytest.raises(ValueError, match="not JSON compliant"):
        broken.to_bytes()


@given(st.text(st.characters()))
def test_json_keeps_every_text_and_steers_nobody(text: str) -> None:
    written = json_text({"text": text})
    assert json.loads(written) == {"text": text}
    assert not {"\x1b", "\x9b", "\u202e", "\u2066", "\u2028"} & set(written)
    written.encode("utf-8")
