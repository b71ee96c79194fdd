"""``tamis judge`` and ``tamis label``: from pairs to a check and back, and what they say of wrong input."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tamis.cli import app


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    rows = []
    for n in range(12):
        evidence = f"House {n} was built in 19{n:02} and has {n + 3} rooms. It is in Rome."
        rows.append({"id": f"s{n}", "claim": f"House {n} was built in 19{n:02}.", "evidence": evidence})
        rows.append({"id": f"u{n}", "claim": f"House {n} was built in 18{n:02}.", "evidence": evidence})
    lines = [json.dumps({**row, "supported": str(row["id"]).startswith("s")}) for row in rows]
    (tmp_path / "pairs.jsonl").write_text("\n".join(lines))
    return tmp_path / "pairs.jsonl"


def test_a_check_is_printed_and_written(pairs: Path, tmp_path: Path) -> None:
    out = tmp_path / "date-check.json"
    code, shown, said = run("judge", "check", "--judge", "date", "--data", pairs, "--out", out)
    assert code == 0, said
    assert "balanced accuracy" in shown
    assert "one thing swapped" in shown
    assert str(out) in said
    written = json.loads(out.read_text())
    assert written["detector"] == {"true_positives": 12, "positives": 12, "true_negatives": 12, "negatives": 12}
    assert written["twins"]["date"]["wins"] == 12


def test_json_is_what_the_file_has(pairs: Path, tmp_path: Path) -> None:
    out = tmp_path / "c.json"
    settings = json.dumps({"name": "agreed", "a": "agreement", "b": "coverage"})
    code, shown, said = run("judge", "check", "--judge", settings, "--data", pairs, "--out", out, "--json")
    assert code == 0, said
    assert json.loads(shown) == json.loads(out.read_text())
    assert json.loads(shown)["judge"] == "agreement&coverage"


@pytest.mark.parametrize(
    ("judge", "what"),
    [
        ("nobody", 'no judge is called "nobody"'),
        ("nli", "does not take these settings"),
        ("{broken", "no JSON"),
        ("json:loads", "is no judge"),
        ("no_such_module:x", "no_such_module"),
    ],
)
def test_what_is_no_judge_is_said_in_a_line(pairs: Path, judge: str, what: str) -> None:
    code, _, said = run("judge", "check", "--judge", judge, "--data", pairs)
    assert code == 2, said
    assert what in said


def test_without_a_check_nothing_is_corrected(tmp_path: Path) -> None:
    code, _, said = run("judge", "correct", tmp_path, "--figure", "hallucinated", "--check", tmp_path / "no.json")
    assert code == 2
    assert "the report of the run cannot be read" in said


def test_labels_go_out_and_come_back(pairs: Path, tmp_path: Path) -> None:
    table, config, back = tmp_path / "sample.csv", tmp_path / "ui.xml", tmp_path / "labelled.jsonl"
    code, _, said = run("label", "export", "--data", pairs, "--out", table, "--sample", "6", "--config", config)
    assert code == 0, said
    assert "Choices" in config.read_text()
    lines = table.read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 7
    table.write_text("\n".join([lines[0], *(line[:-2] + ",supported," for line in lines[1:])]))
    code, shown, said = run("label", "import", table, "--data", pairs, "--out", back, "--json")
    assert code == 0, said
    assert json.loads(shown) == {"pairs": 24, "labelled": 6, "supported": 6, "output": str(back)}
    code, _, said = run("judge", "check", "--judge", "date", "--data", back, "--out", tmp_path / "c.json", "--json")
    assert code == 0, said
