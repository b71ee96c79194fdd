"""The files beside the report: whole or not there, in the data's order, and hostile text is text in each of them."""

import csv
import io
import json
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.atomic import atomic_file, write_bytes
from tamis.core.errors import BadInput
from tamis.eval.outcome import Scored, Unscored
from tamis.eval.report.folder import read, read_timings, write, write_all
from tamis.eval.report.markdown import markdown
from tamis.eval.report.neutral import cell, code, one_line, visible
from tamis.eval.report.planned import Planned
from tamis.eval.report.tables import Row, in_order
from tamis.eval.run.record import Record

Make = Callable[..., list[Record]]
Journalled = Callable[..., Path]
FILES = {
    "report.json",
    "timings.json",
    "summary.md",
    "junit.xml",
    "report.sarif",
    "estimates.csv",
    "cases.csv",
    "report.html",
}
HOSTILE = (
    "<script>alert(1)</script>",
    "=cmd|'/c calc'!A1",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    " =1",
    "\x1b[31mred\x1b]0;title\x07",
    "\x9b31m",
    "a\u202ecod.exe",
    "\u2066x\u2069",
    "]]>&<!DOCTYPE x>",
    "| a | b |\n# head\n[x](http://evil.example) ![i](http://evil.example/i.png) @everyone `code`",
    "```\nfence",
    '"quoted",semi;colon',
    "\ud800",
    "\x00\x01\ufffe\uffff",
    "line\u2028separator",
)
STEERS = {"\x00", "\x01", "\x07", "\x1b", "\x9b", "\u202e", "\u2066", "\u2069", "\u2028", "\ufffe", "\uffff"}


@pytest.fixture
def run(made: Make, journalled: Journalled) -> Callable[..., Path]:
    """A finished run of 20 cases: poison makes 8 of them fail."""

    def make(**changes: object) -> Path:
        values = {"clean": [0.0] * 20, "poison@5": [1.0] * 8 + [0.0] * 11 + ["no answer"]}
        variants = tuple(values)
        return journalled(made("attack_success", values), 20, variants=variants, **changes)

    return make


def test_every_file_is_there_and_the_report_reads_back(run: Callable[..., Path]) -> None:
    folder = run()
    report = write(folder)
    assert {file.name for file in folder.iterdir()} >= FILES
    assert not [file.name for file in folder.iterdir() if "unfinished" in file.name]
    assert read(folder) == report
    assert read_timings(folder).estimate("latency_s").scored == 20
    before = {name: (folder / name).read_bytes() for name in FILES}
    write(folder)
    assert {name: (folder / name).read_bytes() for name in FILES} == before


def test_gates_decide_and_too_little_is_not_a_pass(run: Callable[..., Path]) -> None:
    gates = ["attack_success.clean < 0.2", "attack_success.poison < 0.2", "attack_success.clean < 0.01"]
    folder = run(gates=gates)
    summary = write_all(folder)
    assert [gate.verdict for gate in summary.report.gates] == ["pass", "fail", "not enough data"]
    assert not summary.passed
    suites = {suite.get("name"): suite for suite in ElementTree.parse(folder / "junit.xml").getroot()}
    assert suites["gates"].get("tests") == "3"
    assert [one.get("type") for one in suites["gates"].iter("failure")] == ["fail", "not enough data"]
    properties = {one.get("name"): one.get("value") for one in suites["estimates"][1].iter("property")}
    assert (properties["scored"], properties["unscored"], properties["failed"]) == ("19", "1", "0")
    sarif = json.loads((folder / "report.sarif").read_bytes())
    assert sarif["version"] == "2.1.0"
    results = sarif["runs"][0]["results"]
    assert [one["ruleId"] for one in results] == ["gate-failed", "gate-not-enough-data", "worse-under-attack"]
    rules = sarif["runs"][0]["tool"]["driver"]["rules"]
    assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in results)
    text = (folder / "summary.md").read_text("utf-8")
    assert text.index("## Gates") < text.index("## Differences") < text.index("## Figures")
    assert "**FAILED**" in text


def test_what_has_no_clean_value_is_told_against_the_control(made: Make, journalled: Journalled) -> None:
    values = {
        "clean": ["nothing is planted"] * 20,
        "poison@5": [1.0] * 12 + [0.0] * 8,
        "poison@5~control": [0.0] * 20,
        "poison@1": [None] * 20,
    }
    records = [
        replace(one, error="not applicable: no date") if one.variant.key == "poison@1" else one
        for one in made("attack_success", values)
    ]
    folder = journalled(records, 20, variants=tuple(values))
    write(folder)
    text = (folder / "summary.md").read_text("utf-8")
    first = text.split("## Differences")[1].split("## ")[0]
    assert "| `attack_success` | `poison@5` | `poison@5~control` | +0.6 (" in first
    assert "`clean`" not in first
    assert "80 records, 20 not applicable, 0 failed" in text
    assert "- `poison`: not applicable to 20 of 20 cases, `no date`" in text
    (run,) = json.loads((folder / "report.sarif").read_bytes())["runs"]
    (worse,) = run["results"]
    assert worse["message"]["text"].startswith("attack_success under poison@5: +0.6 against its control (")
    assert (run["properties"]["failed"], run["properties"]["not_applicable"]) == (0, 20)


def test_cases_stand_in_the_datas_order_whatever_the_journals(made: Make, journalled: Journalled) -> None:
    records = made("answer_f1", {"clean": [0.5, "no answer", 1.0], "poison@1": [0.0, 0.25, None]})
    folders = [
        journalled(some, 3, name=name, variants=("clean", "poison@1"))
        for name, some in (("there", records), ("back", records[::-1]))
    ]
    for folder in folders:
        write(folder)
    tables = [(folder / "cases.csv").read_bytes() for folder in folders]
    assert tables[0] == tables[1]
    rows = list(csv.DictReader(io.StringIO(tables[0].decode())))
    assert [(row["case"], row["variant"], row["answer_f1"]) for row in rows[:3]] == [
        ("c0", "clean", "0.5"),
        ("c0", "poison@1", "0.0"),
        ("c1", "clean", ""),
    ]
    assert rows[2]["not_scored"] == "answer_f1: no answer"
    assert rows[5]["not_scored"] == "answer_f1: failed, TimeoutError: 60 s have passed"


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2), st.text('ab,\n"é', max_size=9)), max_size=30))
def test_lines_sorted_through_files_are_those_sorted_in_memory(rows: list[Row]) -> None:
    first = {row[:2]: row for row in reversed(rows)}
    expected = [first[place][2] for place in sorted(first)]
    assert list(in_order(rows)) == expected
    assert list(in_order(rows, at_once=15)) == expected


def test_hostile_text_is_text_in_every_file(made: Make, journalled: Journalled) -> None:
    records = [
        replace(
            record,
            case=f"{HOSTILE[record.number]}{record.number}",
            answer=HOSTILE[record.number],
            error=None,
            outcomes={"answer_f1": Unscored(HOSTILE[record.number]) if record.number % 2 else Scored(0.5)},
            tags=(HOSTILE[record.number],),
        )
        for record in made("answer_f1", {"clean": [0.5] * len(HOSTILE), "poison@1": [0.25] * len(HOSTILE)})
    ]
    name = "".join(HOSTILE)
    folder = journalled(
        records,
        len(HOSTILE),
        variants=("clean", "poison@1"),
        target=name,
        data={"name": name, "path": name},
        attack={"goal": name, "source": name},
    )
    write(folder)
    for file in FILES - {"report.html"}:
        text = (folder / file).read_text("utf-8")
        assert not STEERS & set(text), file
        assert "\r" not in text.replace("\r\n", ""), file
    for file in ("cases.csv", "estimates.csv"):
        with (folder / file).open(newline="", encoding="utf-8") as opened:
            cells = [one for row in csv.reader(opened) for one in row]
        assert not [one for one in cells if one.lstrip()[:1] in tuple("=+@")], file
        numbers = [one for one in cells if one.startswith("-")]
        assert all(float(one) < 0 for one in numbers), file
    ElementTree.parse(folder / "junit.xml")
    json.loads((folder / "report.sarif").read_bytes())
    assert json.loads((folder / "report.json").read_bytes())["run"]["target"] == name
    lines = (folder / "summary.md").read_text("utf-8").splitlines()
    heads = [line for line in lines if line.startswith("#")]
    assert [head for head in heads[1:] if not head.startswith("## ")] == []
    outside = "".join(part for line in lines for part in _outside_code(line))
    assert not {"<", "[", "@", "!"} & set(outside)


def _outside_code(line: str) -> list[str]:
    """What of a Markdown line is not in a code span, by CommonMark's rule: runs of backticks of one length pair up."""
    parts, place = [], 0
    while (start := line.find("`", place)) >= 0:
        parts.append(line[place:start])
        length = len(line[start:]) - len(line[start:].lstrip("`"))
        end = start + length
        while True:
            end = line.find("`" * length, end)
            assert end >= 0, f"a code span is open: {line!r}"
            run = len(line[end:]) - len(line[end:].lstrip("`"))
            if run == length:
                break
            end += run
        place = end + length
    return [*parts, line[place:]]


@given(st.text(st.characters(), max_size=60))
def test_neutral_text_is_one_safe_piece(text: str) -> None:
    for shown in (visible(text), one_line(text), cell(text), code(text)):
        assert not STEERS & set(shown)
        shown.encode("utf-8")
        ElementTree.fromstring(f"<x>{shown.replace('&', '').replace('<', '').replace(']]>', '')}</x>")
    assert cell(text).lstrip()[:1] not in tuple("=+-@") or not cell(text)
    assert "".join(_outside_code(code(text))) in ("", "(empty)")
    assert "\n" not in code(text)


def test_a_text_of_megabytes_is_cut() -> None:
    assert len(one_line("x " * 5_000_000)) == 300
    assert len(cell("x" * 10_000_000)) == 2000


def test_a_file_that_could_not_be_written_is_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_bytes(path, b"old")
    with pytest.raises(OSError, match="no room"):
        _write_half(path)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]
    with pytest.raises(FileNotFoundError):
        write_bytes(tmp_path / "none" / "report.json", b"new")


def _write_half(path: Path) -> None:
    with atomic_file(path) as file:
        file.write(b"half of the n")
        raise OSError("no room")


def test_a_file_is_for_others_too(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        write_bytes(tmp_path / "report.json", b"x")
    finally:
        os.umask(old)
    assert (tmp_path / "report.json").stat().st_mode & 0o777 == 0o644


def test_an_unfinished_run_has_a_report_that_says_so(
    made: Make, journalled: Journalled, caplog: pytest.LogCaptureFixture
) -> None:
    folder = journalled(made("answer_f1", {"clean": [0.5] * 4}), 10, variants=("clean",))
    with (folder / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"crc32":"00')
    with caplog.at_level(logging.WARNING):
        report = write(folder)
    assert not report.counts.is_finished
    assert "This run is not finished: 4 of 10" in (folder / "summary.md").read_text("utf-8")


def test_a_folder_without_a_run_is_refused(tmp_path: Path, journalled: Journalled) -> None:
    with pytest.raises(BadInput, match="holds no run"):
        write(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(BadInput, match="is not JSON"):
        write(tmp_path)
    (tmp_path / "run.json").write_text('{"suite": {}}')
    with pytest.raises(BadInput, match=r"run.json: this is not the plan of a run of the schema"):
        write(tmp_path)
    folder = journalled([], 1)
    written = json.loads((folder / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**written, "suite": {}}))
    with pytest.raises(BadInput, match=r"run.json: the plan of the run is damaged: KeyError 'name'"):
        write(tmp_path)
    with pytest.raises(BadInput, match="cannot be read"):
        read(tmp_path)


def test_time_has_its_own_table_in_the_summary(run: Callable[..., Path]) -> None:
    folder = run()
    report, timings = write_all(folder)
    text = markdown(report, timings, Planned.read(folder))
    assert text.index("## Figures") < text.index("## Time and cost") < text.index("`latency_s`")
