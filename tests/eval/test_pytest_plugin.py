"""The pytest plugin, as pytest loads it: by its entry point."""

import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tamis.core.content import Content
from tamis.models import LocalScorer
from tamis.testing import ConformanceReport, FakeScorer


class ScorerThatForgets(LocalScorer):
    """Gives one score too few."""

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        return [math.e for _ in passages[1:]]


def test_the_plugin_is_installed(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.pluginmanager.has_plugin("tamis")


def test_a_component_that_keeps_its_contract_passes(tamis_check_scorer: Callable[..., ConformanceReport]) -> None:
    assert tamis_check_scorer(FakeScorer()).passed


def test_a_component_that_does_not_fails_the_test_with_the_reasons(
    tamis_check_scorer: Callable[..., ConformanceReport],
) -> None:
    with pytest.raises(AssertionError, match="ScorerThatForgets fails"):
        tamis_check_scorer(ScorerThatForgets())


TESTS = """
from tamis.core.content import Content
from tamis.eval.case import Case
from tamis.eval.suite import Suite

SUITE = Suite.of({"name": "tiny", "metrics": ["answer_exact_match"]})
CASES = [Case(f"q{n}", Content(f"question {n}"), answers=(f"answer {n}",)) for n in range(20)]


def right(question):
    return question.replace("question", "answer")


def wrong(question):
    return "nothing" if int(question.split()[1]) < 9 else right(question)


def test_right(tamis_eval):
    tamis_eval(right, CASES, SUITE).assert_gate("answer_exact_match.clean > 0.8 at 95%")


def test_wrong(tamis_eval):
    tamis_eval(wrong, CASES, SUITE).assert_gate("answer_exact_match.clean > 0.8 at 95%")


def test_worse(tamis_eval):
    before = tamis_eval(right, CASES, SUITE)
    tamis_eval(wrong, CASES, SUITE).assert_no_worse_than(before, "answer_exact_match")


def broken(question):
    if int(question.split()[1]) >= 12:
        raise RuntimeError("the index is gone")
    return right(question)


def test_lost(tamis_eval):
    before = tamis_eval(right, CASES, SUITE)
    tamis_eval(broken, CASES, SUITE).assert_no_worse_than(before, "answer_exact_match")
"""


def run_pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """A test run of its own in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_pipeline_is_held_to_gates_and_to_another_run(tmp_path: Path) -> None:
    (tmp_path / "test_app.py").write_text(TESTS)
    run = run_pytest(tmp_path, "--tamis-out", "runs")
    assert "1 passed" in run.stdout, run.stdout + run.stderr
    assert "3 failed" in run.stdout
    said = run.stdout
    assert "gate fail: answer_exact_match.clean > 0.8 at 95%" in said
    assert '    q0: 0, answer "nothing"' in said
    assert "answer_exact_match under clean: worse" in said
    assert "1 before, 0.55 after; paired difference -0.45 (" in said
    assert "0 improved, 9 worsened, 11 the same" in said
    assert "q0: 1 before, 0 after" in said
    assert "answer_exact_match under clean: too many cases lost" in said
    assert "8 of 20 cases scored in A are not scored in B, 0 only in B (p = 0.00391): more than chance" in said
    # The machinery behind the assertion is no part of what is shown.
    assert "evaluated.py" not in said
    assert sorted(folder.name for folder in (tmp_path / "runs").iterdir()) == [str(n) for n in range(1, 7)]
    assert (tmp_path / "runs" / "2" / "report.html").is_file()


def test_without_the_option_runs_go_to_a_temporary_folder(tmp_path: Path) -> None:
    (tmp_path / "test_app.py").write_text(TESTS)
    run = run_pytest(tmp_path, "-k", "right", "--basetemp", str(tmp_path / "temporary"))
    assert run.returncode == 0, run.stdout + run.stderr
    assert (tmp_path / "temporary" / "tamis" / "1" / "report.json").is_file()


def test_the_option_is_explained_and_the_fixture_listed(tmp_path: Path) -> None:
    assert "--tamis-out=DIR" in run_pytest(tmp_path, "--help").stdout
    assert "tamis_eval [session scope]" in run_pytest(tmp_path, "--fixtures").stdout
