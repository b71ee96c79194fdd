"""What ``tamis eval`` and ``tamis report`` print of a run: what counts, and apart from it what is not applicable."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from typer.testing import CliRunner

from tamis.cli import app
from tamis.eval.outcome import Failed, Scored
from tamis.eval.run.record import Record

Make = Callable[..., list[Record]]
Journalled = Callable[..., Path]


def printed(folder: Path) -> list[str]:
    return CliRunner().invoke(app, ["report", str(folder)]).stdout.splitlines()


def test_what_has_no_clean_value_is_under_attack_by_its_control(made: Make, journalled: Journalled) -> None:
    success = {"clean": ["nothing is planted"] * 20, "poison@5": [1.0] * 20, "poison@5~control": [0.0] * 20}
    lines = printed(journalled(made("attack_success", success), 20, variants=tuple(success)))
    assert lines[1] == "Under attack, with 95% intervals of the paired difference:" or lines[2].startswith(
        "Under attack"
    )
    (line,) = [one for one in lines if one.startswith("  worse")]
    assert line.split("  ")[1:4] == ["worse", "attack_success", "poison@5 - its control"]
    assert not [one for one in lines if one.startswith("Against its control")]


def test_what_has_a_clean_value_is_set_against_the_control_apart(made: Make, journalled: Journalled) -> None:
    f1 = {"clean": [0.9] * 20, "poison@5": [0.1] * 20, "poison@5~control": [0.9] * 20}
    lines = printed(journalled(made("answer_f1", f1), 20, variants=tuple(f1)))
    apart = lines.index("Against its control, a change of the same size that does no harm:")
    under = lines.index("Under attack, with 95% intervals of the paired difference:")
    assert "poison@5 - clean" in lines[under + 1]
    assert "poison@5 - its control" in lines[apart + 1]
    assert under < apart


def test_not_applicable_is_no_failure(made: Make, journalled: Journalled) -> None:
    records = made("answer_f1", {"clean": [0.5] * 19 + [None], "poison@5": [None] * 20})
    why = "not applicable: no date\x1b[2J"
    lost = {"answer_f1": Failed(why)}
    records = [replace(one, error=why, outcomes=lost) if one.variant.attack else one for one in records]
    records[19] = replace(records[19], error="TimeoutError: 60 s have passed")
    lines = printed(journalled(records, 20, variants=("clean", "poison@5")))
    assert lines[0].startswith("by hand on app:engine: 20 cases, 40 records, 20 not applicable, 1 failed")
    assert lines[1] == "  1 time: TimeoutError: 60 s have passed"
    assert lines[2] == "  poison: not applicable to any case: no date\\x1b[2J"


def test_a_reason_for_no_score_is_not_told_as_a_reason_for_no_trace(made: Make, journalled: Journalled) -> None:
    records = made("answer_f1", {"clean": ["the answer is a refusal"] * 19 + [None], "poison@5": [None] * 20})
    why = "not applicable: no date"
    lost = {"answer_f1": Failed(why), "nDCG@10": Failed(why)}
    broken = {name: Failed("TimeoutError: 60 s have passed") for name in ("answer_f1", "nDCG@10")}
    records = [
        replace(one, error=why, outcomes=lost)
        if one.variant.attack
        else replace(one, outcomes={**one.outcomes, "nDCG@10": Scored(0.5)})
        for one in records
    ]
    records[19] = replace(records[19], error="TimeoutError: 60 s have passed", outcomes=broken)
    lines = printed(journalled(records, 20, variants=("clean", "poison@5")))
    told = [line for line in lines if " time: " in line or " times: " in line]
    assert told == ["  1 time: TimeoutError: 60 s have passed"]
