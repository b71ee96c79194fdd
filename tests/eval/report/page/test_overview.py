"""What the page says of all cases together."""

from dataclasses import replace

import pytest

from tamis.eval.report.page.overview import headlines, overview, said
from tamis.eval.report.report import Difference, Estimate, FigureInfo, VariantInfo

from .sample import ATTACKS, NO_DATE, STALE, made

REPORT = made(40).report
VARIANTS = (VariantInfo("clean", "", 0.0, False), VariantInfo("poison@1", "poison", 1.0, False))


def difference(low: float, high: float, p: float = 0.01) -> Difference:
    return Difference("f", "poison@1", "clean", 50, (low + high) / 2, low, high, p, p, 0.1, "indistinguishable")


def test_figures_of_the_gates_come_first_then_the_answer_then_the_context() -> None:
    assert headlines(REPORT) == (
        "answer_f1",
        "attack_success",
        "nDCG@10 [context]",
        "context_tokens",
        "exposure [context]",
        "abstention",
    )


def test_a_figure_without_numbers_comes_last_and_the_context_has_a_third_of_the_places() -> None:
    about = FigureInfo(False, True)
    names = ["a", "b", "silent", "c", "d", "e", "undirected", "x [context]", "y [context]", "z [context]"]
    figures = {name: replace(about, higher_is_better=None) if name == "undirected" else about for name in names}
    known = [replace(difference(0.1, 0.2), figure=name) for name in names if name != "silent"]
    clean = [Estimate(one.figure, "clean", 50, 0, 0, 0.5, 0.4, 0.6) for one in known]
    silent = replace(difference(0.0, 0.0), figure="silent", n=0, mean=None, low=None, high=None)
    report = replace(
        REPORT, figures=figures, estimates=tuple(clean), differences=(silent, *known), gates=(), variants=VARIANTS
    )
    assert headlines(report) == ("a", "b", "c", "d", "x [context]", "y [context]")
    assert headlines(report, 20)[-1] == "silent"
    assert headlines(report, 20).index("undirected") > headlines(report, 20).index("e")


def test_an_attack_stands_at_its_strongest_with_its_control() -> None:
    poison = overview(REPORT).attacks[0]
    assert poison.strongest.key == "poison@5"
    cell = poison.cells[0]
    assert cell.main is not None
    assert cell.control is not None
    assert (cell.main.difference.baseline, cell.control.difference.baseline) == ("clean", "poison@5~control")


def test_a_figure_without_a_clean_value_is_held_against_the_control_on_an_axis_of_its_own() -> None:
    all_of_it = overview(REPORT)
    place = all_of_it.headlines.index("exposure [context]")
    cell = all_of_it.attacks[0].cells[place]
    assert cell.main is not None
    assert cell.to_control
    assert cell.control is None
    assert cell.main.difference.baseline == "poison@5~control"
    assert cell.main.word == "worse"
    panel = next(one for one in all_of_it.panels if one.name == "exposure [context]")
    assert panel.to_control
    assert {one.attack for one in [row.variant for row in panel.rows]} == {one.name for one in ATTACKS[:4]}
    assert [(one.variants, one.reason) for one in panel.silent] == [
        (("typos@0.05", "typos@0.1", "typos@0.2"), "nothing is planted")
    ]
    assert dict(panel.tally)["not scored"] == 3
    largest = max(float(tick.label) for tick in panel.ticks)
    assert 0.1 < largest < 1
    bars = [row.apart.bar.middle for row in panel.rows if row.apart is not None]
    assert None not in bars


def test_differences_of_nothing_but_zero_have_an_axis_with_zero_alone() -> None:
    still = [
        replace(one, mean=0.0, low=0.0, high=0.0) if one.figure == "answer_f1" else one for one in REPORT.differences
    ]
    panel = overview(replace(REPORT, differences=tuple(still))).panels[0]
    assert panel.name == "answer_f1"
    assert [(tick.label, tick.at) for tick in panel.ticks] == [("0", "50%")]


def test_an_attack_that_no_case_has_a_place_for_is_one_line() -> None:
    report = made(10, (*ATTACKS, STALE)).report
    all_of_it = overview(report)
    assert [one.nowhere for one in all_of_it.attacks] == [""] * 5 + [NO_DATE]
    assert [str(one) for one in all_of_it.unapplied] == [f"not applicable to any case: {NO_DATE}"]
    assert not [key for panel in all_of_it.panels for one in panel.silent for key in one.variants if "stale" in key]


def test_every_difference_of_an_attack_is_in_the_forest_once() -> None:
    for panel in overview(REPORT).panels:
        sides = [side.difference for row in panel.rows for side in (row.attacked, row.control, row.apart) if side]
        unknown = {key for one in panel.silent for key in one.variants}
        expected = [
            one
            for one in REPORT.differences
            if one.figure == panel.name and one.variant.removesuffix("~control") not in unknown
        ]
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
        # Without ends every case moved by the same.
        (replace(difference(0.1, 0.3), low=None, high=None), "higher"),
        (replace(difference(0.1, 0.3, p=0.2), low=None, high=None), "indistinguishable"),
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
