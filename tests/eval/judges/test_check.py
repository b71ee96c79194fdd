"""Checks of judges: numbers worked out by hand, judges with known faults, and a file that must be there."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.core.errors import BadInput
from tamis.core.image import Image
from tamis.eval.judges import JudgeCheck, Pair, check_judge, corrected_rates, twins
from tamis.eval.judges.accuracy import accuracy, auroc
from tamis.eval.judges.probes import order_stability, stability
from tamis.eval.report.report import Counts, DataInfo, Estimate, FigureInfo, Report, RunInfo
from tamis.eval.stats import rogan_gladen
from tamis.models.judge import Verdict
from tamis.models.judges import JUDGES, ChatJudge


def pair(name: str, claim: str, evidence: str, supported: bool | None, group: str = "") -> Pair:
    return Pair(name, claim, (Content(evidence),), supported, group or name)


PAIRS = [
    pair("1", "The tower has 3 floors.", "The tower has three floors. It is in Rome.", True),
    pair("2", "The tower has 4 floors.", "The tower has three floors. It is in Rome.", False),
    pair("3", "The bridge is 20 metres long.", "The bridge, 20 metres long, is old. It is red.", True),
    pair("4", "The bridge is 30 metres long.", "The bridge, 20 metres long, is old. It is red.", False),
    pair("5", "It is nice.", "It is old. It is red.", False),
    pair("6", "It has 5 doors.", "It has 5 doors. It is red.", None),
]


class Scripted:
    """Says P by the claim; None where it has none, and remembers what it was asked."""

    name = "scripted"

    def __init__(self, values: dict[str, float | None]) -> None:
        self.values, self.asked = values, list[str]()

    def judge(self, claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> list[Verdict]:
        self.asked += claims
        return [Verdict(self.values.get(claim, 0.2), "as scripted") for claim in claims]


def test_counts_and_rates_by_hand() -> None:
    judge = Scripted({PAIRS[0].claim: 0.9, PAIRS[1].claim: 0.6, PAIRS[2].claim: 0.4, PAIRS[3].claim: 0.1,
                      PAIRS[4].claim: None})  # fmt: skip
    found = check_judge(judge, PAIRS)
    assert (found.pairs, found.unscored, found.reasons) == (5, 1, {"as scripted": 1})
    assert found.detector is not None
    assert (found.detector.true_positives, found.detector.positives) == (1, 2)
    assert (found.detector.true_negatives, found.detector.negatives) == (1, 2)
    assert found.coverage.mean == 0.8
    own = found.accuracy
    assert own.auroc is not None
    assert own.balanced_accuracy is not None
    assert own.f1_unsupported is not None
    assert (own.auroc.mean, own.balanced_accuracy.mean, own.f1_unsupported.mean) == (0.75, 0.5, 0.5)
    assert found.calibration is not None
    assert found.calibration.brier_score == pytest.approx((0.01 + 0.36 + 0.36 + 0.01) / 4)
    assert [row[0] for row in found.verdicts] == ["1", "2", "3", "4", "5"]


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.5001, 1.0]), st.booleans()), min_size=2, max_size=30))
def test_auroc_is_the_share_of_pairs_in_order(rows: list[tuple[float, bool]]) -> None:
    good = [value for value, label in rows if label]
    bad = [value for value, label in rows if not label]
    if not good or not bad:
        return
    wins = sum((one > other) + 0.5 * (one == other) for one in good for other in bad)
    assert auroc([value for value, _ in rows], [label for _, label in rows]) == pytest.approx(
        wins / len(good) / len(bad)
    )


def test_auroc_and_f1_are_those_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    labels = rng.random(200) < 0.4
    values = np.clip(labels * 0.3 + rng.random(200) * 0.7, 0, 1)
    found = accuracy(values.tolist(), labels.tolist(), [str(n) for n in range(200)])
    assert found.auroc is not None
    assert found.f1_unsupported is not None
    assert found.balanced_accuracy is not None
    assert found.auroc.mean == pytest.approx(metrics.roc_auc_score(labels, values))
    assert found.f1_unsupported.mean == pytest.approx(metrics.f1_score(~labels, values < 0.5))
    assert found.balanced_accuracy.mean == pytest.approx(metrics.balanced_accuracy_score(labels, values >= 0.5))
    assert found.auroc.low is not None
    assert found.auroc.low < found.auroc.mean


def test_a_perfect_judge_on_few_pairs_is_not_known_to_be_perfect() -> None:
    found = accuracy([0.9, 0.8, 0.1, 0.2], [True, True, False, False], list("abcd"))
    assert found.auroc is not None
    assert found.auroc.mean == 1.0
    assert found.auroc.low is not None
    assert found.auroc.low < 0.5


def test_pairs_about_the_same_evidence_count_for_less() -> None:
    values = [0.9 if n % 4 else 0.1 for n in range(40)]
    labels = [n % 2 == 0 for n in range(40)]
    apart = accuracy(values, labels, [str(n) for n in range(40)]).sensitivity
    together = accuracy([v for v in values for _ in range(1)], labels, [str(n // 10) for n in range(40)]).sensitivity
    assert apart is not None
    assert together is not None
    assert together.mean == apart.mean


def test_a_judge_that_minds_the_order_is_found_out() -> None:
    class First:
        name = "first"

        def judge(self, claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> list[Verdict]:
            return [Verdict(float(row[0].text.split()[-1] != "red.")) for row in evidence]

    found = check_judge(First(), PAIRS)
    assert (found.order.tried, found.order.changed) == (5, 3)
    assert found.self_agreement.changed == 0


def test_a_judge_that_changes_its_mind_is_found_out() -> None:
    class Restless:
        name = "restless"

        def __init__(self) -> None:
            self.times = 0

        def judge(self, claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> list[Verdict]:
            self.times += 1
            return [Verdict(float(self.times % 2)) for _ in claims]

    assert check_judge(Restless(), PAIRS).self_agreement.changed > 0


def test_a_judges_own_order_is_turned_round_too() -> None:
    def leaning(system: str, user: str) -> str:
        code = user.rsplit("UNCLEAR ", 1)[1][:5]
        label = "SUPPORTED" if user.index("Evidence:\n") < user.index("Claim:\n") else "UNSUPPORTED"
        return f"{label} {code}"

    found = check_judge(ChatJudge(leaning), PAIRS)
    assert found.argument_order is not None
    assert (found.argument_order.tried, found.argument_order.changed) == (5, 5)
    assert check_judge(Scripted({}), PAIRS).argument_order is None


def test_a_lost_verdict_is_a_change_and_none_at_first_is_not_tried() -> None:
    found = stability([Verdict(0.9), Verdict(0.9), Verdict(None)], [Verdict(0.8), Verdict(None), Verdict(0.9)])
    assert (found.tried, found.changed) == (2, 1)
    assert found.mean_change == pytest.approx(0.1)


def test_a_judge_by_overlap_alone_loses_where_words_are_the_same() -> None:
    """A judge of words must fail visibly where only their order tells (SIMAMR)."""

    class Overlap:
        name = "overlap"

        def judge(self, claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> list[Verdict]:
            def share(claim: str, row: Sequence[Content]) -> float:
                known = {word.strip(".,") for passage in row for word in passage.text.split()}
                words = [word.strip(".,") for word in claim.split()]
                return sum(word in known for word in words) / len(words)

            return [Verdict(share(claim, row)) for claim, row in zip(claims, evidence, strict=True)]

    pairs = [pair(str(n), "Caesar defeated Pompey.", "Caesar defeated Pompey.", True) for n in range(4)]
    found = twins(Overlap(), pairs)["relation"]
    assert (found.pairs, found.wins, found.ties) == (4, 0, 4)
    assert found.rate is not None
    assert found.rate.mean == 0.5
    facts = twins(JUDGES.build("facts"), pairs)["relation"]
    assert facts.wins == 4


def test_facts_beat_their_swapped_twins() -> None:
    found = twins(JUDGES.build("agreement"), PAIRS)
    assert found["number"].pairs == 2
    assert found["number"].wins == 2
    assert found["date"].pairs == 0
    assert found["date"].rate is None
    assert found["date"].not_applicable == {"the claim has no date": 2}


def test_the_file_reads_back_as_the_same(tmp_path: Path) -> None:
    found = check_judge(JUDGES.build("agreement"), PAIRS, name="pairs.jsonl")
    found.write(tmp_path / "check.json")
    again = JudgeCheck.read(tmp_path / "check.json")
    assert again == found
    assert json.loads((tmp_path / "check.json").read_text())["schema"] == "tamis-judge-check/1"
    assert check_judge(JUDGES.build("agreement"), PAIRS, name="pairs.jsonl") == found


@pytest.mark.parametrize("written", [None, "", "[]", "{}", '{"schema": "tamis-judge-check/1"}'])
def test_a_check_that_is_not_there_is_an_error_and_never_a_perfect_judge(tmp_path: Path, written: str | None) -> None:
    place = tmp_path / "check.json"
    if written is not None:
        place.write_text(written)
    with pytest.raises(BadInput, match="check of a judge"):
        JudgeCheck.read(place)


def test_rates_are_corrected_by_the_check() -> None:
    judge = Scripted({PAIRS[0].claim: 0.9, PAIRS[2].claim: 0.8, PAIRS[1].claim: 0.1, PAIRS[3].claim: 0.7})
    found = check_judge(judge, PAIRS)
    assert found.corrected(30, 100) == rogan_gladen(30, 100, found.detector_of())
    other = found.detector_of("unsupported")
    assert (other.true_positives, other.positives, other.true_negatives, other.negatives) == (2, 3, 2, 2)
    truth = found.prediction_powered([0.5] * 20)
    assert truth.n == 25
    with pytest.raises(BadInput, match="corrects nothing"):
        check_judge(judge, PAIRS[:1]).corrected(1, 2)


def test_a_report_is_corrected_by_a_file_and_never_without(tmp_path: Path) -> None:
    report = a_report(hallucinated=(0.5, 40))
    check_judge(JUDGES.build("agreement"), PAIRS).write(tmp_path / "check.json")
    [row] = corrected_rates(report, {"hallucinated": {"check": tmp_path / "check.json", "counts": "unsupported"}})
    assert (row.figure, row.variant, row.raw, row.n) == ("hallucinated", "clean", 0.5, 40)
    assert row.mean is not None
    with pytest.raises(BadInput, match="tamis judge check"):
        corrected_rates(report, {"hallucinated": {"check": tmp_path / "no.json", "counts": "unsupported"}})
    with pytest.raises(BadInput, match="is no share of claims"):
        corrected_rates(report, {"hallucinated": tmp_path / "check.json"})
    with pytest.raises(BadInput, match='no figure "other"'):
        corrected_rates(report, {"other": tmp_path / "check.json"})


def test_twins_are_made_where_the_evidence_is_an_image_too() -> None:
    class Seeing:
        name = "seeing"

        def judge(self, claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> list[Verdict]:
            assert all(any(passage.images for passage in row) for row in evidence)
            return [Verdict(0.9 if claim == "There are 3 red buses." else 0.1) for claim in claims]

    shown = (Content(images=(Image(data=b"not opened"),)),)
    found = twins(Seeing(), [Pair("1", "There are 3 red buses.", shown, True, "1")])
    assert {kind for kind, one in found.items() if one.wins} == {"number", "negation", "attribute"}


def test_the_order_of_evidence_is_turned_with_its_images() -> None:
    class Blind:
        name = "blind"

        def judge(self, claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> list[Verdict]:
            return [Verdict(float(any(passage.images for passage in row))) for row in evidence]

    one = Content("The bus is red. It is fast.", (Image(data=b"not opened"),))
    pairs = [Pair("1", "The bus is red.", (one,), True, "1")]
    found = order_stability(Blind(), pairs, [Verdict(1.0)], 0.95)
    assert (found.tried, found.changed) == (1, 0)
    assert Blind().judge(["c"], [[one]])[0] == Verdict(1.0)


def a_report(**rates: tuple[float, int]) -> Report:
    """A report with a clean estimate of each rate."""
    return Report(
        RunInfo("suite", "target", DataInfo("data", "", 40), 0, 0.95, "1"),
        {name: FigureInfo(is_rate=True, higher_is_better=False) for name in rates},
        (),
        tuple(Estimate(name, "clean", n, 0, 0, mean, None, None) for name, (mean, n) in rates.items()),
        (),
        (),
        Counts(40, 40, 0),
    )
