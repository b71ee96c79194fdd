"""``tamis calibrate`` on labelled pairs and on questions, and on what is neither."""

import json
import math
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tamis.cli import app
from tamis.rerankers import Calibrator


def _over_confident(path: Path, pairs: int = 400) -> Path:
    """Log-odds three times too large for how often they come true."""
    draw = random.Random(1)
    lines = []
    for _ in range(pairs):
        truth = draw.gauss(0, 1.5)
        label = int(draw.random() < 1 / (1 + math.exp(-truth)))
        lines.append(json.dumps({"log_odds": 3 * truth, "label": label}))
    path.write_text("\n".join(lines) + "\n\n")
    return path


@pytest.mark.parametrize("method", ["platt", "temperature", "isotonic"])
def test_over_confident_log_odds_become_calibrated(tmp_path: Path, method: str) -> None:
    output = tmp_path / "calibrator.json"
    labelled = _over_confident(tmp_path / "pairs.jsonl")
    result = CliRunner().invoke(
        app, ["calibrate", str(labelled), "--output", str(output), "--method", method, "--json"]
    )
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)["report"]
    assert report["ece_after"] < report["ece_before"] / 2
    assert report["brier_after"] < report["brier_before"]
    assert Calibrator.load(output).probability(3.0) == pytest.approx(1 / (1 + math.exp(-1.0)), abs=0.1)


def test_questions_are_scored_first_and_the_calibrator_knows_by_what(tmp_path: Path) -> None:
    things = ["bus", "boat", "train", "plane", "horse", "bicycle", "tram", "sledge"]
    lines = [
        {
            "question": f"where is the {thing}",
            "documents": [{"id": other, "text": f"here is the {other}"} for other in things],
            "gold": [thing],
        }
        for thing in things
    ]
    labelled = tmp_path / "questions.jsonl"
    labelled.write_text("\n".join(json.dumps(line) for line in lines))
    output = tmp_path / "c.json"
    result = CliRunner().invoke(app, ["calibrate", str(labelled), "-o", str(output), "--scorer", "fake"])
    assert result.exit_code == 0, result.stderr
    assert "64 pairs, 8 of them relevant" in result.stdout
    assert Calibrator.load(output).scorer == "fake"


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("{broken", "line 2: is not JSON"),
        ("[1]", "line 2: is no JSON object"),
        ("{}", 'line 2: has neither "log_odds"'),
        ('{"log_odds": "high", "label": 1}', "line 2: \"log_odds\" is 'high'"),
        ('{"log_odds": NaN, "label": 1}', 'line 2: "log_odds" is nan'),
        ('{"log_odds": -1' + 400 * "0" + ', "label": 1}', 'line 2: "log_odds" is -1000'),
        ('{"log_odds": 1, "label": 2}', 'line 2: "label" is 2'),
        ('{"log_odds": 1}', 'line 2: "label" is None'),
        ('{"question": " ", "documents": [], "gold": []}', 'line 2: "question"'),
        ('{"question": "q", "documents": [], "gold": []}', 'line 2: "documents"'),
        ('{"question": "q", "documents": [{"id": "a"}], "gold": []}', 'line 2: "documents[0]"'),
        ('{"question": "q", "documents": [{"id": "a", "text": "t"}], "gold": ["b"]}', 'line 2: "gold" names "b"'),
        ('{"question": "q", "documents": [{"id": "a", "text": "t"}], "gold": "a"}', 'line 2: "gold" must be a list'),
        (
            '{"question": "q", "documents": [{"id": "a", "text": "t"}, {"id": "a", "text": "u"}], "gold": []}',
            'line 2: "documents[1].id" is "a" a second time',
        ),
        (r'{"question": "a\ud800"}', 'line 2: "question" has half of a surrogate pair in it, at character 1'),
        (
            r'{"question": "q", "documents": [{"id": "a", "text": "\udfff"}], "gold": []}',
            'line 2: "documents[0].text" has half of a surrogate pair',
        ),
        (
            r'{"question": "q", "documents": [{"id": "\udfff", "text": "t"}], "gold": []}',
            'line 2: "documents[0].id" has half of a surrogate pair',
        ),
        (r'{"question": "q", "documents": [{"id": "a", "text": "t"}], "gold": ["\ud800"]}', 'line 2: "gold" names'),
    ],
)
def test_a_faulty_line_is_named_with_its_field(tmp_path: Path, line: str, named: str) -> None:
    labelled = tmp_path / "faulty.jsonl"
    labelled.write_text('{"log_odds": 1, "label": 1}\n' + line)
    result = CliRunner().invoke(app, ["calibrate", str(labelled), "-o", str(tmp_path / "c.json")])
    assert result.exit_code == 2
    assert f"faulty.jsonl, {named}" in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "c.json").exists()


def test_what_cannot_be_fitted_or_written_ends_with_2_and_says_why(tmp_path: Path) -> None:
    labelled = tmp_path / "pairs.jsonl"
    labelled.write_text('{"log_odds": 1, "label": 1}\n' * 20)
    one_class = CliRunner().invoke(app, ["calibrate", str(labelled), "-o", str(tmp_path / "c.json")])
    assert (one_class.exit_code, "20 relevant and 0 irrelevant" in one_class.stderr) == (2, True)
    nowhere = CliRunner().invoke(app, ["calibrate", str(labelled), "-o", str(tmp_path / "no" / "c.json")])
    assert (nowhere.exit_code, "there is no folder" in nowhere.stderr) == (2, True)
    folder = CliRunner().invoke(app, ["calibrate", str(labelled), "-o", str(tmp_path)])
    assert (folder.exit_code, "is a folder" in folder.stderr) == (2, True)
    method = CliRunner().invoke(app, ["calibrate", str(labelled), "--method", "magic"])
    assert (method.exit_code, "platt, temperature, isotonic" in method.stderr) == (2, True)
    scorer = CliRunner().invoke(app, ["calibrate", str(labelled), "--scorer", "magic"])
    assert scorer.exit_code == 2
    missing = CliRunner().invoke(app, ["calibrate", str(tmp_path / "none.jsonl")])
    assert (missing.exit_code, "none.jsonl: cannot be read" in missing.stderr) == (2, True)
    labelled.write_text("\n \n")
    empty = CliRunner().invoke(app, ["calibrate", str(labelled)])
    assert (empty.exit_code, "there is no line in it" in empty.stderr) == (2, True)


def test_how_well_it_holds_may_not_be_known(tmp_path: Path) -> None:
    scores = [30.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    rows = [{"log_odds": score, "label": int(i < 5)} for i, score in enumerate(scores)]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    result = CliRunner().invoke(app, ["calibrate", str(tmp_path / "pairs.jsonl"), "-o", str(tmp_path / "c.json")])
    assert result.exit_code == 0, result.stderr
    assert "not known" in result.stdout
