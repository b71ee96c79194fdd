"""Two runs beside each other: paired, with what changed, and refused where they are of other data."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tamis.core.errors import BadInput
from tamis.eval.report.comparison import Change, Runs, compare
from tamis.eval.report.comparison_files import write_comparison
from tamis.eval.run.record import Record

Make = Callable[..., list[Record]]
Journalled = Callable[..., Path]
CLEAN = ("clean",)


@pytest.fixture
def runs(made: Make, journalled: Journalled) -> tuple[Path, Path]:
    """20 cases; in the second run seven are worse, one is better, one is not scored and one is scored newly."""
    before = {"clean": [0.8] * 19 + ["no answer"]}
    after = {"clean": [0.8 - 0.1 * n for n in range(8)] + [1.0, None] + [0.8] * 10}
    return (
        journalled(made("answer_f1", before), 20, name="a", variants=CLEAN),
        journalled(made("answer_f1", after, seconds=5.0), 20, name="b", variants=CLEAN, target="app:other"),
    )


def test_runs_are_paired_by_case(runs: tuple[Path, Path]) -> None:
    comparison = compare(*runs)
    found = comparison.differences[0]
    assert (found.figure, found.variant, found.n) == ("answer_f1", "clean", 18)
    assert (found.improved, found.worsened, found.same, found.lost, found.gained) == (1, 7, 10, 1, 1)
    assert found.mean == pytest.approx((-2.8 + 0.2) / 18)
    assert found.low is not None
    assert found.high is not None
    assert found.low < (found.mean or 0) < found.high
    assert found.changes[0] == Change("answer_f1", "clean", "c9", 0.8, None)
    assert [one.case for one in found.changes[1:8]] == ["c7", "c6", "c5", "c4", "c3", "c2", "c1"]
    assert found.changes[-2:] == (
        Change("answer_f1", "clean", "c8", 0.8, 1.0),
        Change("answer_f1", "clean", "c19", None, 0.8),
    )
    assert json.loads(json.dumps(comparison.to_json(), allow_nan=False))["schema"] == "tamis-comparison/1"


def test_the_same_run_twice_differs_in_nothing(runs: tuple[Path, Path]) -> None:
    comparison = compare(runs[0], runs[0])
    assert {one.verdict for one in comparison.differences} == {"indistinguishable"}
    assert [one.changes for one in comparison.differences] == [(), ()]
    assert comparison.worse == []
    assert comparison.not_comparable == ()


def test_what_moved_by_the_same_everywhere_is_for_the_test_to_say(made: Make, journalled: Journalled) -> None:
    """20 of 20 fell by 0.1: surely worse, while the interval says what others may do, as far as it is known."""
    a = journalled(made("answer_f1", {"clean": [0.5] * 20}), 20, name="a", variants=CLEAN)
    b = journalled(made("answer_f1", {"clean": [0.4] * 20}, seconds=5.0), 20, name="b", variants=CLEAN)
    share, time = compare(a, b).differences
    assert share.verdict == "worse"
    assert share.p == pytest.approx(2 / 2**20)
    assert (share.low, share.high) == pytest.approx((-0.1 * 0.8316 - 0.1684, -0.1 * 0.8316 + 0.1684), abs=1e-4)
    assert (time.verdict, time.low, time.high) == ("worse", None, None)


def test_lost_cases_are_counted_shown_and_tested_by_variant(made: Make, journalled: Journalled, tmp_path: Path) -> None:
    keys = ("clean", "poison@1")
    full = [0.5 + n / 100 for n in range(30)]
    a = journalled(made("answer_f1", dict.fromkeys(keys, full)), 30, name="a", variants=keys)
    after = {"clean": full[:25] + [None] * 5, "poison@1": full[:12] + [None] * 18}
    b = journalled(made("answer_f1", after), 30, name="b", variants=keys)
    clean, poisoned = compare(a, b, figures=["answer_f1"]).differences
    # 5 to 0 is 0.031 alone, and the smaller of two is doubled; the larger keeps its own.
    assert (clean.p_lost, poisoned.p_lost) == pytest.approx((2**-5, 2 * 2**-18))
    assert [(one.lost, one.too_many_lost) for one in (clean, poisoned)] == [(5, True), (18, True)]
    assert {one.verdict for one in (clean, poisoned)} == {"indistinguishable"}
    assert [one.got_worse for one in (clean, poisoned)] == [True, True]
    assert [one.figure for one in compare(a, b).worse] == ["answer_f1", "answer_f1"]
    assert compare(b, a).worse == []
    both = Runs.read(a, b)
    write_comparison(tmp_path / "out", both.comparison(["answer_f1"]), both.changes(["answer_f1"]))
    lines = (tmp_path / "out" / "comparison.md").read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    assert {len(row) for row in rows} == {11}
    assert rows[0][7] == "lost / gained"
    assert [row[7] for row in rows[2:]] == ["5 / 0", "18 / 0"]
    assert "- `answer_f1` under `poison@1`: 18 of 30 cases scored in A are not scored in B" in "\n".join(lines)


def test_a_case_lost_where_too_few_are_left_counts(made: Make, journalled: Journalled) -> None:
    a = journalled(made("answer_f1", {"clean": [0.5] * 11}), 11, name="a", variants=CLEAN)
    b = journalled(made("answer_f1", {"clean": [0.5] * 9 + [None] * 2}), 11, name="b", variants=CLEAN)
    found = compare(a, b).differences[0]
    assert (found.verdict, found.too_many_lost, found.got_worse) == ("not enough data", False, True)
    assert found.loss.endswith("0 only in B (p = 0.25): too few are left to compare")
    assert compare(b, b).worse == []


def test_times_are_compared_apart(runs: tuple[Path, Path]) -> None:
    slower = compare(*runs).differences[1]
    assert (slower.figure, slower.is_measured, slower.verdict) == ("latency_s", True, "worse")
    assert (slower.improved, slower.worsened) == (0, 20)
    assert [one.figure for one in compare(*runs).worse] == ["answer_f1"]


def test_holm_is_over_the_variants_of_a_figure(made: Make, journalled: Journalled) -> None:
    keys = ("clean", "poison@1")
    a = journalled(made("attack_success", dict.fromkeys(keys, [0.0] * 20)), 20, name="a", variants=keys)
    after = {"clean": [1.0] * 6 + [0.0] * 14, "poison@1": [0.0] * 20}
    b = journalled(made("attack_success", after), 20, name="b", variants=keys)
    clean, poisoned = compare(a, b, figures=["attack_success"]).differences
    assert (clean.p, clean.p_holm) == pytest.approx((2 / 2**6, 4 / 2**6))
    assert (clean.verdict, poisoned.p_holm, poisoned.verdict) == ("indistinguishable", 1.0, "indistinguishable")


def test_which_is_first_turns_the_sign(runs: tuple[Path, Path]) -> None:
    there, back = compare(*runs).differences[0], compare(*runs[::-1]).differences[0]
    assert there.mean == pytest.approx(-(back.mean or 0))
    assert (there.p, there.improved, there.lost) == (back.p, back.worsened, back.gained)
    assert (there.verdict, back.verdict) == ("worse", "better")


def test_what_cannot_be_compared_is_said(made: Make, journalled: Journalled) -> None:
    keys = ("clean", "poison@1", "poison@5")
    records = made("answer_f1", {key: [0.5] * 12 for key in keys})
    a = journalled(records, 12, name="a", variants=keys)
    settings = journalled(records, 12, name="b", variants=keys, attack={"wording": "other"})
    assert "poison@1: the attack's settings are not the same" in compare(a, settings).not_comparable
    assert {one.variant for one in compare(a, settings).differences} == {"clean"}
    seed = journalled(records, 12, name="c", variants=keys, seed=8)
    assert any("the seed 7, B 8" in note for note in compare(a, seed).not_comparable)
    fewer = journalled([one for one in records if one.variant.key != "poison@5"], 12, name="d", variants=keys[:2])
    assert "poison@5: only in A" in compare(a, fewer).not_comparable
    # More strengths of an attack do not change what one strength does.
    assert {one.variant for one in compare(a, fewer).differences} == {"clean", "poison@1"}
    unfinished = journalled(records[:20], 12, name="e", variants=keys)
    assert "the run of B is not finished: 20 of 36 records are there" in compare(a, unfinished).not_comparable
    other = journalled(made("nDCG@10", {"clean": [0.5] * 12}), 12, name="f", variants=CLEAN)
    notes = compare(a, other).not_comparable
    assert "answer_f1: only in A" in notes
    assert "nDCG@10: only in B" in notes


def test_runs_of_other_data_are_refused(runs: tuple[Path, Path], made: Make, journalled: Journalled) -> None:
    other = journalled(made("answer_f1", {"clean": [0.5] * 3}), 3, name="c", variants=CLEAN, data={"sha256": "cd" * 32})
    with pytest.raises(BadInput, match=r"abababababab.*cdcdcdcdcdcd.*same data"):
        compare(runs[0], other)
    records = [
        Record(f"other {one.number}", one.number, one.variant, one.cluster, one.outcomes)
        for one in made("answer_f1", {"clean": [0.5] * 3})
    ]
    with pytest.raises(BadInput, match='case 0 is "c0" in A and "other 0" in B'):
        compare(runs[0], journalled(records, 3, name="d", variants=CLEAN))
    with pytest.raises(BadInput, match='no figure "nope" in common; they have: answer_f1, latency_s'):
        compare(*runs, figures=["nope"])


def test_it_is_written_with_every_change(runs: tuple[Path, Path], tmp_path: Path) -> None:
    both = Runs.read(*runs)
    out = tmp_path / "out"
    write_comparison(out, both.comparison(["answer_f1"]), both.changes(["answer_f1"]))
    with (out / "changes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10
    assert "| lost / gained |" in (out / "comparison.md").read_text("utf-8")
    assert rows[0] == {"figure": "answer_f1", "variant": "clean", "case": "c9", "before": "0.8", "after": ""}
    assert "**worse**" in (out / "comparison.md").read_text("utf-8")
    assert json.loads((out / "comparison.json").read_bytes())["differences"][0]["worsened"] == 7
