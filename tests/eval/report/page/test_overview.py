"""What the page says of all cases together."""

from dataclasses import replace

import pytest

from tamis.eval.report.page.overview import headlines, overview, said
from tamis.eval.report.report import Difference, FigureInfo

from .sample import ATTACKS, made

REPORT = made(40).report


def difference(low: float, high: float, p: float = 0.01) -> Difference:
    return Difference("f", "poison@1", "clean", 50, (low + high) / 2, low, high, p, p, 0.1, "indistinguishable")


def test_figures_of_the_gates_come_first_then_the_answer_then_the_context() -> None:
    assert headlines(REPORT) == (
        "answer_f1",
        "attack_success",
        "nDCG@10 [context]",
        "abstention",
        "context_tokens",
        "exposure [context]",
    )


def test_an_attack_stands_at_its_strongest_with_its_control() -> None:
    poison = overview(REPORT).attacks[0]
    assert poison.strongest.key == "poison@5"
    cell = poison.cells[0]
    assert cell.clean is not None
    assert cell.control is not None
    assert (cell.clean.difference.baseline, cell.control.difference.baseline) == ("clean", "poison@5~control")


def test_every_difference_of_an_attack_is_in_the_forest_once() -> None:
    for panel in overview(REPORT).panels:
        sides = [side.difference for row in panel.rows for side in (row.attacked, row.control, row.apart) if side]
        expected = [one for one in REPORT.differences if one.figure == panel.name]
        assert sorted(map(str, sides)) == sorted(map(str, expected))


def test_attacks_of_one_strength_have_no_curve() -> None:
    assert [one.attack for one in overview(REPORT).panels[0].curves] == [
        attack.name for attack in ATTACKS if len(attack.strengths) > 1
    ]


@pytest.mark.parametrize(
    ("one", "word"),
    [
        (difference(0.1, 0.3), "higher"),
        (difference(-0.3, -0.1), "lower"),
        (difference(-0.1, 0.3), "indistinguishable"),
        (difference(0.1, 0.3, p=0.2), "indistinguishable"),
    ],
)
def test_a_change_without_a_direction_has_its_sign_told(one: Difference, word: str) -> None:
    assert said(one, FigureInfo(False, None), 0.95) == word
    assert said(one, FigureInfo(False, True), 0.95) == "indistinguishable", (
        "the verdict stands where there is a direction"
    )


def test_reasons_are_counted_over_figures_and_variants() -> None:
    reasons = {one.text: one for one in overview(REPORT).reasons}
    assert reasons["no gold is known"].figures == 1
    assert reasons["no gold is known"].times == sum(one.reasons.get("no gold is known", 0) for one in REPORT.estimates)


def test_a_run_with_one_open_gate_has_not_passed() -> None:
    gates = [replace(gate, verdict="pass") for gate in REPORT.gates]
    assert overview(replace(REPORT, gates=tuple(gates))).state == "pass"
    gates[1] = replace(gates[1], verdict="not enough data")
    assert overview(replace(REPORT, gates=tuple(gates))).state == "not enough data"
    gates[0] = replace(gates[0], verdict="fail")
    assert overview(replace(REPORT, gates=tuple(gates))).state == "fail"
    unfinished = replace(REPORT.counts, expected=REPORT.counts.records + 1)
    assert overview(replace(REPORT, counts=unfinished)).state == "unfinished"
    assert overview(replace(REPORT, gates=())).state == "no gates"
