"""From records to a report: every number against one worked out by hand or by SciPy."""

import json
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]

from tamis.core.errors import BadInput
from tamis.eval.outcome import Failed, Outcome, Scored, Unscored
from tamis.eval.report.applicable import unapplied
from tamis.eval.report.columns import NO_STEP, OTHER, Reasons
from tamis.eval.report.decisive import against, decisive
from tamis.eval.report.planned import Planned
from tamis.eval.report.report import Report
from tamis.eval.report.summary import summarise
from tamis.eval.run.plan import Plan as RunPlan
from tamis.eval.run.record import Record
from tamis.eval.variant import CLEAN, Variant

Make = Callable[..., list[Record]]
Plan = Callable[..., Planned]


def test_a_rate_has_its_exact_interval_and_its_difference_mcnemars_p(made: Make, planned: Plan) -> None:
    records = made("attack_success", {"clean": [0.0] * 20, "poison@5": [1.0] * 10 + [0.0] * 10})
    report = summarise(records, planned(20, variants=("clean", "poison@5"))).report
    clean = report.estimate("attack_success")
    exact = stats.binomtest(0, 20).proportion_ci(method="exact")
    assert (clean.mean, clean.scored) == (0.0, 20)
    assert clean.high == pytest.approx(exact.high)
    found = report.difference("attack_success", "poison@5")
    assert found is not None
    assert (found.mean, found.n, found.verdict) == (0.5, 20, "worse")
    # Ten cases changed, all one way: 2 / 2**10.
    assert found.p == pytest.approx(2 / 2**10)
    assert found.worst == tuple(f"c{number}" for number in range(10))


def test_a_mean_is_bootstrapped_and_the_cases_that_lost_most_come_first(made: Make, planned: Plan) -> None:
    clean = [0.9, 0.8, 0.7, 1.0] * 5
    attacked = [value - loss for value, loss in zip(clean, [0.1, 0.3, 0.5, 0.2] * 5, strict=True)]
    records = made("answer_f1", {"clean": clean, "poison@1": attacked})
    report = summarise(records, planned(20, variants=("clean", "poison@1"))).report
    found = report.difference("answer_f1", "poison@1")
    assert found is not None
    assert found.mean == pytest.approx(-0.275)
    assert found.low is not None
    assert found.high is not None
    assert found.low < -0.275 < found.high < 0
    assert found.verdict == "worse"
    assert found.worst == ("c2", "c6", "c10", "c14", "c18", "c1", "c5", "c9", "c13", "c17")
    assert found.smallest_detectable is not None


def test_silence_and_errors_are_counted_and_never_numbers(made: Make, planned: Plan) -> None:
    records = made("answer_f1", {"clean": [1.0, "no answer", None, 0.5], "poison@1": ["no answer", 1.0, 1.0, 0.0]})
    report = summarise(records, planned(4, variants=("clean", "poison@1"))).report
    clean = report.estimate("answer_f1")
    assert (clean.scored, clean.unscored, clean.failed, clean.mean) == (2, 1, 1, 0.75)
    assert clean.reasons == {"TimeoutError: 60 s have passed": 1, "no answer": 1}
    found = report.difference("answer_f1", "poison@1")
    assert found is not None
    # Only the last case is scored in both.
    assert (found.n, found.mean, found.low, found.p, found.verdict) == (1, -0.5, None, None, "not enough data")


def test_holm_is_over_the_attacks_of_a_figure(made: Make, planned: Plan) -> None:
    values = {"clean": [0.0] * 20, "poison@1": [1.0] * 6 + [0.0] * 14, "poison@5": [1.0] * 5 + [0.0] * 15}
    report = summarise(made("attack_success", values), planned(20, variants=tuple(values))).report
    first, second = report.difference("attack_success", "poison@1"), report.difference("attack_success", "poison@5")
    assert first is not None
    assert second is not None
    assert (first.p, second.p) == pytest.approx((2 / 2**6, 2 / 2**5))
    assert (first.p_holm, second.p_holm) == pytest.approx((4 / 2**6, 4 / 2**6))
    assert first.verdict == second.verdict == "indistinguishable"


def test_attacks_and_controls_are_compared_to_clean_and_to_each_other(made: Make, planned: Plan) -> None:
    keys = ("clean", "poison@1", "poison@1~control")
    report = summarise(made("answer_f1", {key: [0.5] * 12 for key in keys}), planned(12, variants=keys)).report
    pairs = [(one.variant, one.baseline) for one in report.differences if one.figure == "answer_f1"]
    assert pairs == [("poison@1", "clean"), ("poison@1~control", "clean"), ("poison@1", "poison@1~control")]


def test_cases_of_one_group_count_together(made: Make, planned: Plan) -> None:
    values = {"clean": [0.0, 0.0, 1.0, 1.0] * 10}
    alone = summarise(made("attack_success", values), planned(40, variants=("clean",))).report
    groups = [f"g{number // 2}" for number in range(40)]
    together = summarise(made("attack_success", values, groups=groups), planned(40, variants=("clean",))).report
    narrow, wide = alone.estimate("attack_success"), together.estimate("attack_success")
    assert narrow.mean == wide.mean == 0.5
    assert narrow.low is not None
    assert wide.low is not None
    # Twenty groups that agree within say as much as twenty cases.
    assert wide.low == pytest.approx(stats.binomtest(10, 20).proportion_ci(method="exact").low, abs=0.02)
    assert narrow.low > wide.low + 0.05


def test_a_figure_without_direction_is_never_better_or_worse(made: Make, planned: Plan) -> None:
    values = {"clean": [10.0 + n for n in range(20)], "poison@1": [30.0 + 2 * n for n in range(20)]}
    found = summarise(made("tokens", values), planned(20, variants=tuple(values))).report.difference(
        "tokens", "poison@1"
    )
    assert found is not None
    assert found.verdict == "indistinguishable"
    assert found.worst[0] == "c19"


def test_what_is_not_applicable_is_failed_in_a_figure_and_apart_in_the_counts(made: Make, planned: Plan) -> None:
    values = {"clean": [0.5, 0.5, None], "poison@1": [0.5, 0.5, None], "poison@5": [0.5] * 3}
    records = made("answer_f1", values)
    broken = replace(records[2], error="TimeoutError: 60 s have passed")
    lost = [
        replace(one, outcomes={"answer_f1": Failed(f"not applicable: {why}")}, error=f"not applicable: {why}")
        for one, why in zip(records[3:6], ["no date", "no gold", "no date"], strict=True)
    ]
    plan = planned(3, variants=tuple(values))
    report = summarise([*records[:2], broken, *lost, *records[6:]], plan).report
    assert (report.counts.records, report.counts.failed, report.counts.not_applicable) == (9, 1, 3)
    assert report.estimate("answer_f1", "poison@1").failed == 3
    clean, first, second = report.variants
    assert (first.records, first.not_applicable, first.is_applicable) == (3, {"no date": 2, "no gold": 1}, False)
    assert clean.is_applicable
    assert second.is_applicable
    # The attack could be made at its other strength.
    assert [str(one) for one in unapplied(report)] == ["not applicable to 3 of 3 cases: no date"]
    alone = summarise([*records[:2], broken, *lost], planned(3, variants=("clean", "poison@1"))).report
    assert [str(one) for one in unapplied(alone)] == ["not applicable to any case: no date"]
    assert Report.of(json.loads(report.to_bytes())) == report


def test_what_has_no_clean_value_is_decided_against_the_control(made: Make, planned: Plan) -> None:
    silent = ["nothing is planted"] * 20
    success = {"clean": silent, "poison@5": [1.0] * 20, "poison@5~control": [0.0] * 20, "poison@1": [1.0] * 20}
    report = summarise(made("attack_success", success), planned(20, variants=tuple(success))).report
    found = [(one.variant, against(one), one.mean, one.verdict) for one in decisive(report)]
    # Without a control there is only clean to compare to, and that says nothing.
    assert found == [("poison@5", "its control", 1.0, "worse"), ("poison@1", "clean", None, "not enough data")]
    with_clean = {**success, "clean": [0.0] * 20}
    report = summarise(made("attack_success", with_clean), planned(20, variants=tuple(success))).report
    assert [(one.variant, against(one)) for one in decisive(report)] == [("poison@5", "clean"), ("poison@1", "clean")]


@settings(max_examples=8)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_journal_does_not_matter(draw: random.Random) -> None:
    records = _mixed()
    shuffled = records.copy()
    draw.shuffle(shuffled)
    planned = Planned.of(RunPlan.of(_plan()))
    summary = summarise(shuffled, planned)
    assert summary.report.to_bytes() == EXPECTED.report.to_bytes()
    assert summary.timings.to_bytes() == EXPECTED.timings.to_bytes()


def _plan() -> dict[str, object]:
    about = {"is_rate": False, "higher_is_better": True, "unit": ""}
    return {
        "schema": "tamis-run/1",
        "factory": False,
        "versions": {"tamis": "0.1.0"},
        "command": "",
        "sessions": [],
        "suite": {"name": "mixed", "gates": ["nDCG@10 [retrieve].poison > 0.1"]},
        "target": "t",
        "data": {"name": "d", "format": "tamis", "sha256": "0", "cases": 6},
        "seed": 3,
        "figures": {"nDCG@10": about, "answer_f1": about},
        "variants": ["clean", "poison@1"],
    }


def _mixed() -> list[Record]:
    """Two steps; one case whose target failed, one without the second step; answers that flip."""
    records = []
    for number in range(6):
        for key in ("clean", "poison@1"):
            steps: dict[str, Outcome] = {
                "answer_f1": Scored(0.1 * number),
                "nDCG@10 [retrieve]": Scored(1 / (1 + number + (key != "clean") / 2)),
                "nDCG@10 [Reranker]": Scored(0.5) if number != 2 else Unscored("no gold"),
            }
            if number == 4:
                steps = {"nDCG@10": Failed("RuntimeError: down"), "answer_f1": Failed("RuntimeError: down")}
            if number == 5:
                del steps["nDCG@10 [Reranker]"]
            error = "RuntimeError: down" if number == 4 else None
            timings = {"latency_s": Scored(0.25 * number)}
            answer = None if error else f"answer {number if key == 'clean' else number % 3}"
            variant = Variant.of(key)
            records.append(Record(f"case {number}", number, variant, f"case {number}", steps, timings, answer, error))
    return records


EXPECTED = summarise(_mixed(), Planned.of(RunPlan.of(_plan())))


def test_a_target_that_failed_counts_for_every_step_there_would_have_been() -> None:
    report = EXPECTED.report
    assert list(report.figures) == ["nDCG@10 [retrieve]", "nDCG@10 [Reranker]", "answer_f1", "flips"]
    last = report.estimate("nDCG@10 [Reranker]")
    assert (last.scored, last.unscored, last.failed) == (3, 2, 1)
    assert last.reasons == {"RuntimeError: down": 1, "no gold": 1, NO_STEP: 1}
    assert report.counts.failed == 2


def test_flips_are_answers_that_are_not_the_clean_one() -> None:
    flips = EXPECTED.report.estimate("flips", "poison@1")
    # Cases 3 and 5 got another answer, case 4 has none.
    assert (flips.scored, flips.failed, flips.mean) == (5, 1, 0.4)
    with pytest.raises(BadInput, match="no variant"):
        EXPECTED.report.estimate("flips", "clean")


def test_what_a_clock_gave_stands_apart(made: Make, planned: Plan) -> None:
    values = {"clean": [0.5] * 12}
    gates = ["answer_f1.clean > 0.1", "latency_s.clean < 2"]
    plan = planned(12, variants=("clean",), gates=gates)
    fast = summarise(made("answer_f1", values, seconds=0.1), plan)
    slow = summarise(made("answer_f1", values, seconds=9.0), plan)
    assert fast.report.to_bytes() == slow.report.to_bytes()
    assert fast.timings != slow.timings
    assert [gate.gate for gate in fast.report.gates] == gates[:1]
    assert [(gate.gate, gate.verdict) for gate in slow.timings.gates] == [(gates[1], "fail")]
    assert (fast.passed, slow.passed) == (True, False)


def test_an_unfinished_run_says_how_much_is_there(made: Make, planned: Plan) -> None:
    counts = summarise(made("answer_f1", {"clean": [0.5] * 3}), planned(10, variants=("clean",))).report.counts
    assert (counts.cases, counts.records, counts.expected, counts.is_finished) == (3, 3, 10, False)


def test_a_record_that_comes_twice_counts_once(made: Make, planned: Plan) -> None:
    records = made("answer_f1", {"clean": [0.5] * 3})
    once = summarise(records, planned(3, variants=("clean",))).report
    again = [replace(record, outcomes={"answer_f1": Scored(1.0)}) for record in records]
    assert summarise([*records, *again], planned(3, variants=("clean",))).report == once


def test_a_run_without_a_record_has_a_report(planned: Plan) -> None:
    report = summarise([], planned(3, gates=["answer_f1.clean > 0.5"])).report
    assert report.estimates == ()
    assert report.gates[0].verdict == "not enough data"
    assert Report.of(json.loads(report.to_bytes())) == report


@pytest.mark.parametrize(
    ("record", "named"),
    [
        (Record("a", 0, Variant("other", 1.0), "a", {}), 'a record of "other@1"'),
        (Record("a", -1, CLEAN, "a", {}), "case number -1"),
    ],
)
def test_records_of_another_run_are_refused(record: Record, named: str, planned: Plan) -> None:
    with pytest.raises(BadInput, match=named):
        summarise([record], planned(3))


@pytest.mark.parametrize("seed", range(3))
def test_reasons_are_bounded_and_the_same_in_any_order(seed: int) -> None:
    reasons = [f"error at case {number % 1500}" for number in range(1800)]
    random.Random(seed).shuffle(reasons)
    counted, sorted_ones = Reasons(), Reasons()
    for reason in reasons:
        counted.add(reason)
    for reason in sorted(reasons):
        sorted_ones.add(reason)
    assert counted.most() == sorted_ones.most()
    assert len(counted.most()) == 11
    assert sum(counted.most().values()) == 1800
    assert OTHER in counted.most()
