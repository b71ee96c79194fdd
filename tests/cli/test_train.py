"""``tamis train screen``: what it prints and writes, and how it refuses."""

import json
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tamis.cli import app
from tamis.core.content import Content
from tamis.models.screens import load_screen

GOOD = ["garden", "bread", "river", "music", "station", "winter", "paper", "meadow"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rng = random.Random(0)
    rows = []
    for number in range(300):
        words = rng.choices(GOOD, k=4) + (["zorblat"] if number % 2 else [])
        rng.shuffle(words)
        rows.append({"text": " ".join(words), "harmful": number % 2 == 1, "category": "kind" if number % 2 else None})
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["train", "screen", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_a_screen_is_trained_written_and_measured(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "screen.json"
    code, stdout, stderr = run("--data", file, "--out", out, "--json")
    assert (code, stderr) == (0, "")
    document = json.loads(stdout)
    measured = document["false_positive_rate"]
    assert measured["n"] >= 140
    assert measured["low"] <= measured["rate"] <= measured["high"]
    assert measured["rate"] <= 0.03
    assert document["false_positive_rate_background"]["n"] == 300
    assert document["true_positive_rate"]["rate"] > 0.8
    screen = load_screen(out)
    assert screen.threshold == document["threshold"]
    [found] = screen.screen([Content("a zorblat by the meadow")])
    assert found.harmful is not None
    assert found.harmful >= screen.threshold
    assert not any(word in out.read_text() + stdout for word in ("zorblat", *GOOD))


def test_people_are_told_the_rate_with_its_interval(file: Path, tmp_path: Path) -> None:
    code, stdout, _ = run("--data", file, "--out", tmp_path / "s.json", "--no-background", "--rate", "0.05")
    assert code == 0
    assert "threshold on P(harmful)" in stdout
    assert "for a rate of 0.05" in stdout
    assert "false-positive rate (held out)" in stdout
    assert "95%" in stdout
    assert "on harmless prose" not in stdout
    assert "zorblat" not in stdout


def test_harmless_text_of_the_corpus_is_held_out_as_well(file: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps({"text": f"chapter {n} on zorblat and bread"}) + "\n" for n in range(150)))
    code, stdout, _ = run("--data", file, "--out", tmp_path / "s.json", "--harmless", corpus, "--json")
    assert code == 0
    assert json.loads(stdout)["false_positive_rate_background"]["n"] == 150


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('{"text": "secret", "harmful": true}\n' * 30, "none of 30 examples is harmless"),
        ('{"text": "secret", "harmful": "yes"}\n', "line 1"),
        ("", "no line"),
    ],
)
def test_bad_input_is_one_line_and_never_the_text(lines: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text(lines)
    code, stdout, stderr = run("--data", tmp_path / "bad.jsonl", "--out", tmp_path / "s.json")
    assert code == 2
    assert stdout == ""
    assert said in stderr
    assert "secret" not in stderr
    assert not (tmp_path / "s.json").exists()


def test_a_corpus_with_harmful_text_in_it_is_refused(file: Path, tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"text": "x", "harmful": true}\n')
    code, _, stderr = run("--data", file, "--out", tmp_path / "s.json", "--harmless", tmp_path / "corpus.jsonl")
    assert code == 2
    assert "labelled harmful" in stderr
