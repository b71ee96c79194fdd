"""``tamis judge`` and ``tamis label``: from pairs to a check and back, and what they say of wrong input."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tamis.cli import app
from tamis.core.content import Content
from tamis.eval import Case, Passage, Step, Suite, Trace, evaluate
from tamis.eval.judges import KINDS


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
    assert "report.json: cannot be read" in said


def test_the_claims_of_a_run_go_out_and_come_back(tmp_path: Path) -> None:
    async def answer(question: str) -> dict[str, Any]:
        return {"answer": f"It is {question}. It is old.", "passages": [{"id": "d1", "text": "It is red."}]}

    cases = [Case(colour, Content(colour)) for colour in ("red", "blue")]
    folder = evaluate(answer, cases, Suite.of({"name": "s", "metrics": ["answered"]}), out=tmp_path / "run").folder
    table, back = tmp_path / "sample.csv", tmp_path / "labelled.jsonl"
    code, _, said = run("label", "export", "--run", folder, "--out", table)
    assert (code, said) == (0, f"tamis: 4 pairs written to {table}\n")
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["claim"] for row in rows] == ["It is red.", "It is old.", "It is blue.", "It is old."]
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "label": "supported" if "red" in row["claim"] else "unsupported"} for row in rows)
    code, shown, _ = run("label", "import", table, "--run", folder, "--out", back, "--json")
    assert json.loads(shown) == {"pairs": 4, "labelled": 4, "supported": 1, "output": str(back)}
    code, _, _ = run("judge", "check", "--judge", "facts", "--data", back, "--out", tmp_path / "check.json")
    assert code == 0


@pytest.mark.parametrize("given", [(), ("--data", "a.jsonl", "--run", "runs/1")])
def test_labels_are_of_pairs_or_of_a_run(given: tuple[str, ...], tmp_path: Path) -> None:
    code, _, said = run("label", "export", *given, "--out", tmp_path / "sample.csv")
    assert (code, said) == (2, "tamis: give --data FILE or --run FOLDER, one of them\n")


def test_labels_go_out_and_come_back(pairs: Path, tmp_path: Path) -> None:
    table, config, back = tmp_path / "sample.csv", tmp_path / "ui.xml", tmp_path / "labelled.jsonl"
    code, _, said = run("label", "export", "--data", pairs, "--out", table, "--sample", "6", "--config", config)
    assert code == 0, said
    assert "Choices" in config.read_text()
    lines = table.read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 7
    labels = ["supported"] * 4 + ["unsupported"] * 2
    table.write_text(
        "\n".join([lines[0], *(f"{line[:-2]},{label}," for line, label in zip(lines[1:], labels, strict=True))])
    )
    code, shown, said = run("label", "import", table, "--data", pairs, "--out", back, "--json")
    assert code == 0, said
    assert json.loads(shown) == {"pairs": 24, "labelled": 6, "supported": 4, "output": str(back)}
    code, _, said = run("judge", "check", "--judge", "date", "--data", back, "--out", tmp_path / "c.json", "--json")
    assert code == 0, said


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        ([], "there is no pair of claim and evidence in it"),
        (['{"claim": "c", "evidence": "e", "supported": true}', "{bad"], "line 2: is no JSON"),
        (['{"claim": "c", "evidence": "e", "supported": "maybe"}'], "line 1, supported: must be true or false"),
        (['{"claim": "c", "evidence": "e", "supported": true}'] * 2, "every labelled pair is supported"),
        (['{"claim": "c", "evidence": "e", "supported": false}'] * 2, "every labelled pair is unsupported"),
        (['{"claim": "c", "evidence": "e"}'], "no pair has a label"),
        (['{"claim": "c", "supported": true}'], 'line 1, evidence: is missing, and there is no "image" either'),
        (['{"claim": "c", "image": "no.png", "supported": true}'], "line 1, image: there is no such file"),
        (['{"claim": "c", "image": "../x.png", "supported": true}'], "line 1, image: must be a path inside the folder"),
    ],
)
def test_wrong_pairs_are_one_line_and_2(tmp_path: Path, lines: list[str] | None, said: str) -> None:
    data = tmp_path / "data.jsonl"
    if lines is not None:
        data.write_text("\n".join(lines))
    code, shown, told = run("judge", "check", "--judge", "facts", "--data", data, "--out", tmp_path / "out.json")
    assert (code, shown) == (2, "")
    assert said in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out.json").exists()


def test_of_the_first_pairs_alone_all_may_be_of_one_kind(pairs: Path, tmp_path: Path) -> None:
    code, _, said = run("judge", "check", "--judge", "facts", "--data", pairs, "--limit", "1")
    assert code == 2
    assert "every labelled pair among the first 1 is supported" in said


def test_a_folder_that_is_not_there_is_told_before_anything_is_judged(pairs: Path, tmp_path: Path) -> None:
    code, shown, said = run("judge", "check", "--judge", "facts", "--data", pairs, "--out", tmp_path / "no" / "c.json")
    assert (code, shown) == (2, "")
    assert f"there is no folder {tmp_path / 'no'}" in said


def test_every_kind_of_twin_is_a_row_that_is_not_wrapped(pairs: Path, tmp_path: Path) -> None:
    _, shown, _ = run("judge", "check", "--judge", "facts", "--data", pairs, "--out", tmp_path / "c.json")
    table = shown.partition("one thing swapped:\n")[2].splitlines()
    assert [line.split("  ")[0].strip() for line in table[2:]] == list(KINDS)
    assert "…" not in shown


def test_a_class_that_makes_a_judge_can_be_named(pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_judges.py").write_text(
        "from tamis.models.judge import Verdict\n\n\n"
        "class Own:\n"
        '    name = "own"\n\n'
        "    def judge(self, claims, evidence):\n"
        '        return [Verdict(0.9 if "19" in claim else 0.1) for claim in claims]\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    code, shown, said = run(
        "judge", "check", "--judge", "own_judges:Own", "--data", pairs, "--out", tmp_path / "c.json"
    )
    assert code == 0, said
    assert "own on 24 labelled pairs" in shown


# Rates of a run, corrected.


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A run of 20 questions, answered from a passage; every fourth answer has another year."""

    class Answering:
        name = "answering"
        takes = frozenset({"text"})

        async def run(self, request: Any) -> Trace:
            number = int(request.query.text.split()[1])
            passage = Passage("p", Content(f"House {number} was built in 19{number}. It has 9 rooms."))
            year = f"18{number}" if number % 4 == 0 else f"19{number}"
            answer = Content(f"House {number} was built in {year}. House {number} has 9 rooms.")
            return Trace(steps=(Step("retrieve", (passage,)),), answer=answer)

        async def close(self) -> None:
            """Holds nothing."""

    suite = Suite.of({"name": "s", "metrics": ["faithfulness"]})
    cases = [Case(f"q{n}", Content(f"house {n}")) for n in range(20, 40)]
    return evaluate(Answering(), cases, suite, out=tmp_path / "run").folder


@pytest.fixture
def check(pairs: Path, tmp_path: Path) -> Path:
    """Of the two-checker rule: it falls out over another year, and denies what the evidence has nothing of."""
    wrong = {"claim": "Two cats of Mars sleep in 1850.", "evidence": "House 1 is in Rome.", "supported": False}
    data, out = tmp_path / "more.jsonl", tmp_path / "check.json"
    data.write_text("\n".join([pairs.read_text(), *(json.dumps({**wrong, "id": f"w{n}"}) for n in range(12))]))
    code, _, said = run("judge", "check", "--judge", "agreed", "--data", data, "--out", out)
    assert code == 0, said
    return out


def test_a_report_shows_the_corrected_rate_beside_the_raw_one(finished: Path, check: Path) -> None:
    code, shown, said = run("report", finished, "--correct", f"faithfulness={check}")
    assert code == 0, said
    [line] = [line for line in shown.splitlines() if " as judged " in line]
    assert line.split()[:2] == ["faithfulness", "clean"]
    assert "agreement&coverage, rogan-gladen, check.json" in line
    [one] = json.loads((finished / "report.json").read_text())["corrections"]
    assert f"{one['raw']:.3f} ({one['raw_low']:.3f} to {one['raw_high']:.3f}) as judged" in line
    assert f"{one['mean']:.3f} ({one['low']:.3f} to {one['high']:.3f}) corrected" in line
    table = json.dumps({"check": str(check), "method": "prediction-powered"})
    _, shown, _ = run("report", finished, "--correct", f"faithfulness={table}")
    assert "agreement&coverage, prediction-powered, check.json" in shown
    _, shown, _ = run("report", finished)
    assert "as judged" not in shown


def test_judge_correct_shows_the_same_and_writes_nothing(finished: Path, check: Path) -> None:
    before = (finished / "report.json").read_bytes()
    code, shown, said = run("judge", "correct", finished, "--figure", "faithfulness", "--check", check)
    assert code == 0, said
    assert "as judged" in shown
    code, found, _ = run("judge", "correct", finished, "--figure", "faithfulness", "--check", check, "--json")
    [one] = json.loads(found)["rates"]
    assert (one["figure"], one["variant"], one["n"], one["judge"]) == (
        "faithfulness",
        "clean",
        20,
        "agreement&coverage",
    )
    assert (finished / "report.json").read_bytes() == before


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("faithfulness", "it must be FIGURE=CHECK, such as faithfulness=facts-check.json"),
        ("=check.json", "it must be FIGURE=CHECK"),
        ("faithfulness=", "it must be FIGURE=CHECK"),
        ("faithfulness={bad", "--correct faithfulness: is no JSON"),
        ("faithfulness=nowhere.json", "nowhere.json: the check of a judge cannot be read"),
        ("answer_f1=nowhere.json", 'the run does not measure "answer_f1"'),
    ],
)
def test_what_is_no_correction_is_one_line_and_2(finished: Path, asked: str, said: str) -> None:
    before = (finished / "report.json").read_bytes()
    code, shown, told = run("report", finished, "--correct", asked)
    assert (code, shown) == (2, "")
    assert said in told
    assert (finished / "report.json").read_bytes() == before
    code, _, told = run("report", finished, "--correct", "faithfulness=a.json", "--correct", "faithfulness=b.json")
    assert (code, "twice" in told) == (2, True)


def test_eval_takes_a_correction_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "cases.jsonl").write_text('{"id": "q", "question": "how?"}')
    arguments = ("--suite", "hallucination", "--target", "json:loads", "--data", tmp_path / "cases.jsonl")
    out = tmp_path / "out"
    code, _, said = run("eval", *arguments, "--out", out, "--correct", f"faithfulness={tmp_path / 'no.json'}")
    assert code == 2
    assert "corrections.faithfulness:" in said
    assert not out.exists()
