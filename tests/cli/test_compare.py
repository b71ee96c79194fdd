"""``tamis compare``: what changed from one run to the next, and what cannot be compared."""

import csv
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

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """``run(name, wrong, cases=20, lost=0)``: the folder of a run with so many wrong answers, and so many errors."""

    def make(name: str, wrong: int, cases: int = 20, lost: int = 0) -> str:
        suite = Suite.of({"name": "tiny", "metrics": ["answer_exact_match", "answer_f1", "latency_s"]})
        asked = [Case(f"q\x1b[31m{n}", Content(f"question {n}"), answers=(f"answer {n}",)) for n in range(cases)]

        def answer(question: str) -> str:
            number = int(question.split()[1])
            if number >= cases - lost:
                raise RuntimeError("the index is gone")
            return "something else" if number < wrong else f"answer {number}"

        return str(evaluate(answer, asked, suite, out=tmp_path / name).folder)

    return make


def test_it_shows_what_got_worse_and_where(run: Run) -> None:
    result = CliRunner().invoke(app, ["compare", run("a", 0), run("b", 9)], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert "answer_exact_match under clean: worse; 9 cases worsened" in result.stdout
    assert "q\\x1b[31m0: 1 -> 0" in result.stdout
    assert "\x1b" not in result.stdout


def test_it_ends_with_1_where_something_got_worse_and_that_is_asked(run: Run) -> None:
    a, b = run("a", 0), run("b", 9)
    assert CliRunner().invoke(app, ["compare", a, b, "--fail-on-worse"]).exit_code == 1
    assert CliRunner().invoke(app, ["compare", b, a, "--fail-on-worse"]).exit_code == 0
    assert CliRunner().invoke(app, ["compare", a, a, "--fail-on-worse"]).exit_code == 0


@pytest.mark.parametrize("lost", [5, 15, 20])
def test_a_run_that_lost_cases_is_no_better_for_it(run: Run, lost: int) -> None:
    arguments = ["compare", run("a", 0), run("b", 0, lost=lost), "--fail-on-worse"]
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert result.exit_code == 1
    assert "lost / gained" in result.stdout
    assert f"{lost} / 0" in result.stdout
    said = f"{lost} of 20 cases scored in A are not scored in B, 0 only in B (p = {2**-lost:.3g}): more than chance"
    assert said in result.stdout
    machine = CliRunner().invoke(app, [*arguments, "--json"])
    assert (machine.exit_code, said in machine.stderr) == (1, True)
    assert json.loads(machine.stdout)["differences"][0]["too_many_lost"] is True
    back = CliRunner().invoke(app, ["compare", *arguments[2:0:-1], "--fail-on-worse"])
    assert back.exit_code == 0, back.output


def test_a_case_or_two_are_lost_by_chance_and_none_is_not_shown(run: Run) -> None:
    few = CliRunner().invoke(app, ["compare", run("a", 0), run("b", 0, lost=2), "--fail-on-worse"])
    assert few.exit_code == 0, few.output
    assert "2 / 0" in few.stdout
    assert "lost" not in CliRunner().invoke(app, ["compare", run("c", 0), run("d", 3)]).stdout


def test_as_json_and_as_files(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["compare", run("a", 0), run("b", 9), "--figure", "answer_exact_match", "--json", "--out", str(out)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    (found,) = document["differences"]
    assert (found["mean"], found["worsened"], found["verdict"]) == (pytest.approx(-0.45), 9, "worse")
    assert json.loads((out / "comparison.json").read_bytes()) == document
    with (out / "changes.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 9


def test_other_data_unknown_figures_and_folders_without_a_run_end_with_2(run: Run, tmp_path: Path) -> None:
    a = run("a", 0)
    other = CliRunner().invoke(app, ["compare", a, run("b", 0, cases=5)])
    assert (other.exit_code, "run both on the same data" in other.stderr) == (2, True)
    figure = CliRunner().invoke(app, ["compare", a, a, "--figure", "nope"])
    assert (figure.exit_code, 'no figure "nope"' in figure.stderr) == (2, True)
    none = CliRunner().invoke(app, ["compare", a, str(tmp_path / "none")])
    assert (none.exit_code, "holds no run" in none.stderr) == (2, True)
