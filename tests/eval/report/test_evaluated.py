"""Assertions on a finished evaluation: they respect intervals, and their messages say what to look at."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tamis.core.errors import BadInput
from tamis.eval.report.evaluated import Evaluated, GateFailed, next_folder
from tamis.eval.report.planned import Planned
from tamis.eval.report.report import Estimate
from tamis.eval.report.summary import summarise
from tamis.eval.run.record import Record

Make = Callable[..., list[Record]]
Journalled = Callable[..., Path]


@pytest.fixture
def evaluated(made: Make, journalled: Journalled) -> Callable[..., Evaluated]:
    """A run of one figure with these values by variant."""

    def make(figure: str, values: dict[str, list[float]], name: str = "run") -> Evaluated:
        records = [replace(one, answer=f"answer\x1b {one.number}") for one in made(figure, values)]
        count = len(next(iter(values.values())))
        folder = journalled(records, count, name=name, variants=tuple(values))
        return Evaluated(folder, summarise(records, Planned.read(folder)).report)

    return make


def test_a_gate_that_holds_passes_and_one_at_another_confidence_is_computed(
    evaluated: Callable[..., Evaluated],
) -> None:
    run = evaluated("attack_success", {"clean": [0.0] * 40, "poison@5": [0.0] * 40})
    run.assert_gate("attack_success.poison < 0.1 at 95%", "delta attack_success.poison < 0.1")
    # 0 of 40: the upper end is 0.088 at 95%, 0.124 at 99%.
    with pytest.raises(GateFailed, match="not enough data"):
        run.assert_gate("attack_success.poison < 0.1 at 99%")


def test_the_message_has_the_paired_difference_and_the_worst_cases(evaluated: Callable[..., Evaluated]) -> None:
    clean = [0.9] * 20
    run = evaluated("answer_f1", {"clean": clean, "poison@1": clean, "poison@5": [0.0, 0.2] + [0.5] * 18})
    with pytest.raises(GateFailed) as failed:
        run.assert_gate("answer_f1.poison > 0.8 at 95%")
    said = str(failed.value).splitlines()
    assert said[0] == "gate fail: answer_f1.poison > 0.8 at 95%"
    assert said[1].startswith("  poison@5: 0.46, ")
    assert said[2].startswith("  poison@5 minus clean: -0.44 (")
    assert said[2].endswith(" over 20 items")
    assert said[3:6] == [
        "  worst cases:",
        '    c0: 0 (clean: 0.9), answer "answer\\x1b 0"',
        '    c1: 0.2 (clean: 0.9), answer "answer\\x1b 1"',
    ]
    assert said[-1].endswith("report.html")


def test_a_figure_without_a_clean_value_has_its_control_in_the_message(evaluated: Callable[..., Evaluated]) -> None:
    silent: list[Any] = ["nothing is planted"] * 20
    run = evaluated("attack_success", {"clean": silent, "poison@5": [1.0] * 20, "poison@5~control": [0.0] * 20})
    with pytest.raises(GateFailed) as failed:
        run.assert_gate("attack_success.poison < 0.1")
    said = str(failed.value).splitlines()
    assert said[2].startswith("  poison@5 minus poison@5~control: +1 (")
    assert said[4].startswith("    c0: 1 (poison@5~control: 0), answer ")


def test_a_text_that_is_no_gate_is_bad_input_and_an_unknown_figure_does_not_pass(
    evaluated: Callable[..., Evaluated],
) -> None:
    run = evaluated("answer_f1", {"clean": [0.9] * 20})
    with pytest.raises(BadInput, match="no comparison"):
        run.assert_gate("answer_f1.clean")
    with pytest.raises(GateFailed, match='no figure "nope"'):
        run.assert_gate("nope.clean > 0.5")
    run.assert_gate("latency_s.clean < 2")


def test_no_worse_than_another_run(evaluated: Callable[..., Evaluated]) -> None:
    before = evaluated("answer_f1", {"clean": [0.5 + n / 100 for n in range(20)]}, "before")
    same = evaluated("answer_f1", {"clean": [0.5 + (n ^ 1) / 100 for n in range(20)]}, "same")
    worse = evaluated("answer_f1", {"clean": [0.3 + (n ^ 2) / 100 for n in range(20)]}, "worse")
    same.assert_no_worse_than(before, "answer_f1")
    same.assert_no_worse_than(before.folder, "answer_f1", margin=0.05)
    before.assert_no_worse_than(worse, "answer_f1", margin=0.0)
    with pytest.raises(GateFailed, match=r"(?s)answer_f1 under clean: worse.*0 improved, 20 worsened.*worst cases"):
        worse.assert_no_worse_than(str(before.folder), "answer_f1")
    with pytest.raises(GateFailed, match=r"not within 0\.001"):
        same.assert_no_worse_than(before, "answer_f1", margin=0.001)


@pytest.mark.parametrize(("value", "figure"), [(1.0, "answer_f1"), (0.0, "nDCG@10")])
def test_values_that_are_all_the_same_are_no_certainty(
    evaluated: Callable[..., Evaluated], value: float, figure: str
) -> None:
    """10 of 10: at 99% the exact interval is from 0.5887 to 1, for a share as for a rate; 0 of 10 is its mirror."""
    run = evaluated(figure, {"clean": [value] * 10})
    op, near, far = (">=", 0.999, 0.58) if value else ("<=", 0.001, 0.42)
    assert run.gate(f"{figure}.clean {op} {near} at 99%").verdict == "not enough data"
    found = run.gate(f"{figure}.clean {op} {far} at 99%")
    assert found.verdict == "pass"
    expected = (0.5887, 1.0) if value else (0.0, 0.4113)
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-4)
    gate = run.gate(f"{figure}.clean {op} {far} at 95%")
    reported = run.report.estimate(figure)
    assert (reported.low, reported.high) == (gate.low, gate.high)


def test_equal_values_are_counted_by_groups_and_say_nothing_of_what_is_no_share(
    made: Make, journalled: Journalled
) -> None:
    def reported(figure: str, values: dict[str, list[float]], name: str) -> Estimate:
        count = len(values["clean"])
        records = made(figure, values, groups=[f"g{n // 3}" for n in range(count)])
        folder = journalled(records, count, name=name, variants=tuple(values))
        report = summarise(records, Planned.read(folder)).report
        return report.estimate(figure)

    share = reported("answer_f1", {"clean": [0.0] * 30}, "share")
    assert (share.low, share.high) == pytest.approx((0.0, 0.3085), abs=1e-4)
    between = reported("answer_f1", {"clean": [0.1] * 30}, "between")
    assert (between.low, between.high) == pytest.approx((0.1 * 0.6915, 0.1 * 0.6915 + 0.3085), abs=1e-4)
    counted = reported("tokens", {"clean": [1.0] * 30}, "counted")
    assert (counted.mean, counted.low, counted.high) == (1.0, None, None)
    # A value of 2 under any attack: the figure is no share after all.
    other = reported("answer_f1", {"clean": [1.0] * 30, "poison@5": [2.0] * 30}, "other")
    assert (other.mean, other.low, other.high) == (1.0, None, None)


def test_cases_of_two_groups_pass_no_gate(made: Make, journalled: Journalled) -> None:
    groups = [f"g{n % 2}" for n in range(20)]
    records = made("answer_f1", {"clean": [2 / 3 + n % 2 / 3 for n in range(20)]}, groups=groups)
    folder = journalled(records, 20, variants=("clean",))
    run = Evaluated(folder, summarise(records, Planned.read(folder)).report)
    found = run.gate("answer_f1.clean > 0.5 at 99.9%")
    assert found.verdict == "not enough data"
    assert found.reason == "clean: 20 items of 2 groups scored, at least 10 are needed"


def test_a_run_that_lost_cases_is_worse_however_good_the_others_are(evaluated: Callable[..., Evaluated]) -> None:
    values: list[Any] = [0.5 + n / 100 for n in range(30)]
    before = evaluated("answer_f1", {"clean": values}, "before")
    some = evaluated("answer_f1", {"clean": values[:12] + [None] * 18}, "some")
    for margin in (None, 0.5):
        with pytest.raises(GateFailed) as failed:
            some.assert_no_worse_than(before, "answer_f1", margin=margin)
        said = str(failed.value).splitlines()
        assert said[0] == "answer_f1 under clean: too many cases lost"
        assert said[1] == (
            "  18 of 30 cases scored in A are not scored in B, 0 only in B (p = 3.81e-06): more than chance"
        )
    none = evaluated("answer_f1", {"clean": [None] * 30}, "none")
    with pytest.raises(GateFailed, match=r"under clean: not enough data\n  30 of 30 cases scored in A"):
        none.assert_no_worse_than(before, "answer_f1")
    few = evaluated("answer_f1", {"clean": values[:28] + [None] * 2}, "few")
    few.assert_no_worse_than(before, "answer_f1")
    before.assert_no_worse_than(some, "answer_f1")


def test_too_few_cases_and_no_direction_do_not_pass(evaluated: Callable[..., Evaluated]) -> None:
    few = evaluated("answer_f1", {"clean": [0.5] * 5}, "few")
    with pytest.raises(GateFailed, match="not enough data"):
        few.assert_no_worse_than(few, "answer_f1")
    tokens = evaluated("tokens", {"clean": [5.0] * 20}, "tokens")
    with pytest.raises(BadInput, match="has no direction"):
        tokens.assert_no_worse_than(tokens, "tokens")
    with pytest.raises(BadInput, match='cannot be compared under "poison@5"'):
        few.assert_no_worse_than(few, "answer_f1", variant="poison@5")


def test_folders_are_numbered(tmp_path: Path) -> None:
    (tmp_path / "runs" / "2").mkdir(parents=True)
    assert [next_folder(tmp_path / "runs").name for _ in range(3)] == ["1", "3", "4"]
