"""``tamis report`` on a run that is finished, one that is not, and a folder that holds none."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tamis.cli import app
from tamis.core.content import Content
from tamis.eval.case import Case
from tamis.eval.evaluation import evaluate
from tamis.eval.suite import Suite

Made = Callable[..., Path]


@pytest.fixture
def finished(tmp_path: Path) -> Made:
    """A run of 20 questions that are answered rightly, all but the first three; with these gates."""

    def run(*gates: str) -> Path:
        suite = Suite.of({"name": "tiny", "metrics": ["answer_exact_match", "latency_s"], "gates": list(gates)})
        cases = [Case(f"q{n}", Content(f"question {n}"), answers=(f"answer {n}",)) for n in range(20)]

        def answer(question: str) -> str:
            number = int(question.split()[1])
            return "wrong" if number < 3 else f"answer {number}"

        return evaluate(answer, cases, suite, out=tmp_path / "run").folder

    return run


def test_it_writes_the_same_report_again(finished: Made) -> None:
    folder = finished("answer_exact_match.clean > 0.5")
    before = (folder / "report.json").read_bytes()
    for name in ("report.json", "report.html", "summary.md", "cases.csv"):
        (folder / name).unlink()
    result = CliRunner().invoke(app, ["report", str(folder)])
    assert result.exit_code == 0, result.output
    assert "pass: answer_exact_match.clean > 0.5 (clean: 0.85, " in result.stdout
    assert (folder / "report.json").read_bytes() == before
    assert (folder / "report.html").stat().st_size > 1000


def test_a_gate_that_does_not_pass_ends_with_1(finished: Made) -> None:
    folder = finished("answer_exact_match.clean > 0.8 at 99%")
    result = CliRunner().invoke(app, ["report", str(folder), "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["gates"][0]["verdict"] == "not enough data"


def test_a_gate_on_time_decides_too(finished: Made) -> None:
    result = CliRunner().invoke(app, ["report", str(finished("latency_s.clean > 60"))])
    assert result.exit_code == 1
    assert "fail: latency_s.clean > 60" in result.stdout


@pytest.mark.parametrize(
    ("form", "start"),
    [("markdown", "# `tiny`"), ("junit", "<?xml"), ("sarif", "{"), ("json", '{\n "schema": "tamis-report/1"')],
)
def test_it_prints_a_file_as_it_was_written(finished: Made, form: str, start: str) -> None:
    result = CliRunner().invoke(app, ["report", str(finished()), "--format", form])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(start)


def test_an_unfinished_run_says_so(finished: Made) -> None:
    folder = finished()
    journal = folder / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:12]))
    result = CliRunner().invoke(app, ["report", str(folder)])
    assert result.exit_code == 0
    assert "the run is not finished: 12 of 20 records are there" in result.stderr


def test_a_folder_without_a_run_ends_with_2(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert result.exit_code == 2
    assert "holds no run: there is no run.json in it" in result.stderr
