"""Detection against labels: by hand, and on the printed tables of POPE, AMBER, RAGTruth and FigStep."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.errors import BadInput
from tamis.eval.trust.captions import Described, amber_score, chair, generative
from tamis.eval.trust.detection import area_under_roc, detected, f1_of, spans_detected
from tamis.eval.trust.objects import Vocabulary, coco_objects
from tamis.eval.trust.stance import stance_of

# POPE, Table 3, MSCOCO: accuracy, precision, recall, F1, yes-ratio; random, popular, adversarial.
POPE = """
53.30 51.71 99.53 68.06 96.23 | 50.63 50.32 99.27 66.79 98.63 | 50.67 50.34 99.33 66.82 98.67
54.43 52.32 99.80 68.65 95.37 | 52.43 51.25 99.80 67.72 97.37 | 50.77 50.39 99.87 66.98 99.10
50.03 50.02 100 66.68 99.97 | 50 50 100 66.67 100 | 50 50 100 66.67 100
77.83 75.38 82.67 78.86 54.83 | 68.30 64.27 82.40 72.21 64.10 | 66.60 62.45 83.27 71.37 66.67
88.73 85.08 93.93 89.29 55.20 | 81.37 75.07 93.93 83.45 62.57 | 74.37 67.67 93.33 78.45 68.97
"""
ROWS = [tuple(map(float, row.split())) for line in POPE.strip().splitlines() for row in line.split("|")]
# AMBER's result table: CHAIR, F1, AMBER.
AMBER = [
    (21.6, 18.9, 48.7), (11.5, 32.7, 60.6), (13.6, 64.7, 75.6), (5.6, 72.3, 83.4), (7.8, 74.7, 83.5),
    (10.6, 78.5, 84.0), (8.8, 81.7, 86.5), (5.5, 84.9, 89.7), (4.6, 87.4, 91.4),
]  # fmt: skip
# RAGTruth, example level, overall: P, R, F1 as LettuceDetect prints them.
RAGTRUTH = [
    (37.1, 92.3, 52.9), (46.9, 97.9, 63.4), (49.7, 71.9, 58.8), (36.2, 77.8, 49.4), (76.9, 80.7, 78.7),
    (87.3, 80.8, 83.9), (54.8, 40.6, 46.7), (62.0, 44.8, 52.0), (46.5, 85.8, 60.4), (52.7, 86.1, 65.4),
    (76.64, 75.50, 76.07), (80.44, 78.05, 79.22),
]  # fmt: skip


@pytest.mark.parametrize(("accuracy", "precision", "recall", "f1", "yes"), ROWS)
def test_pope_holds_together_on_the_printed_rows(
    accuracy: float, precision: float, recall: float, f1: float, yes: float
) -> None:
    """1,500 yes and 1,500 no: from the printed accuracy and recall the counts, from those the rest."""
    true_positives = round(recall * 15)
    true_negatives = round(accuracy * 30) - true_positives
    found = detected(
        [True] * 1500 + [False] * 1500,
        [True] * true_positives + [False] * (1500 - true_positives + true_negatives) + [True] * (1500 - true_negatives),
    )
    for printed, value in (
        (precision, found.precision),
        (recall, found.recall),
        (f1, found.f1),
        (yes, found.positive_rate),
    ):
        assert value is not None
        assert 100 * value == pytest.approx(printed, abs=0.02)
    assert yes == pytest.approx(100 * recall / (2 * precision), abs=0.02)
    assert accuracy == pytest.approx(50 + recall - yes, abs=0.02)


def test_always_yes_and_always_no() -> None:
    labels = [True, False] * 50
    yes = detected(labels, [stance_of("Yes.") == "yes"] * 100)
    assert (yes.accuracy, yes.precision, yes.recall, yes.positive_rate) == (0.5, 0.5, 1.0, 1.0)
    assert yes.f1 == pytest.approx(2 / 3)
    no = detected(labels, [False] * 100)
    assert (no.accuracy, no.precision, no.recall, no.f1, no.positive_rate) == (0.5, None, 0.0, None, 0.0)
    silent = detected(labels, [None] * 100)
    assert (silent.unscored, silent.n, silent.accuracy, silent.positive_rate) == (100, 0, None, None)


@pytest.mark.parametrize(("chair_i", "f1", "amber"), AMBER)
def test_ambers_identity_on_the_printed_rows(chair_i: float, f1: float, amber: float) -> None:
    assert amber_score(chair_i, f1) == pytest.approx(amber, abs=0.051)


@pytest.mark.parametrize(("precision", "recall", "f1"), RAGTRUTH)
def test_ragtruths_f1_on_the_printed_rows(precision: float, recall: float, f1: float) -> None:
    assert f1_of(precision, recall) == pytest.approx(f1, abs=0.11)


def test_figsteps_means() -> None:
    rows = [(57.40, 84.00), (45.40, 88.20), (23.80, 82.60), (50.60, 68.00), (83.40, 85.20), (8.20, 87.00)]
    text, image = (sum(side) / len(rows) for side in zip(*rows, strict=True))
    assert (round(text, 2), round(image, 2)) == (44.80, 82.50)


def test_spans_by_hand() -> None:
    found = spans_detected([[(0, 10)], [(5, 8)], []], [[(5, 15)], [], [(0, 2)]])
    assert (found.both, found.predicted, found.gold) == (5, 12, 13)
    assert (found.precision, found.recall) == (5 / 12, 5 / 13)
    assert found.f1 == pytest.approx(10 / 25)
    assert found.iou == 5 / 20
    nothing = spans_detected([[]], [[]])
    assert (nothing.precision, nothing.recall, nothing.f1, nothing.iou) == (None,) * 4


@given(st.lists(st.tuples(st.booleans(), st.none() | st.booleans())))
def test_counts_account_for_every_item(pairs: list[tuple[bool, bool | None]]) -> None:
    labels, predictions = [label for label, _ in pairs], [one for _, one in pairs]
    found = detected(labels, predictions)
    assert found.n + found.unscored == len(pairs)
    for value in (found.precision, found.recall, found.f1, found.accuracy, found.balanced_accuracy):
        assert value is None or 0 <= value <= 1
    turned = detected([not one for one in labels], [None if one is None else not one for one in predictions])
    assert turned.accuracy == found.accuracy
    assert turned.balanced_accuracy == pytest.approx(found.balanced_accuracy)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.2, 0.5, 0.9])), max_size=20))
def test_auroc_is_the_share_of_pairs_in_order(pairs: list[tuple[bool, float]]) -> None:
    wins = [(a > b) + (a == b) / 2 for one, a in pairs if one for other, b in pairs if not other]
    found = area_under_roc([one for one, _ in pairs], [score for _, score in pairs])
    assert found == (pytest.approx(sum(wins) / len(wins)) if wins else None)


def test_lengths_must_agree() -> None:
    with pytest.raises(BadInput, match="2 labels"):
        detected([True, False], [True])
    with pytest.raises(BadInput, match="1 responses"):
        spans_detected([[]], [])


def test_chair_by_hand() -> None:
    found = chair([Described(["dog", "cat"], {"dog"}), Described([], {"bus"}), Described(["bus", "bus"], {"bus"})])
    assert (found.chair_i, found.chair_s, found.silent) == (1 / 4, 1 / 3, 1)
    assert chair([])[:2] == (None, None)
    assert chair([Described([], {"bus"})]) == (None, 0.0, 1)


def test_ambers_scores_by_hand() -> None:
    found = generative(
        ["person", "cloud", "kite", "light"], {"person", "sky"}, {"kite"}, {"sky": ["cloud"]}, safe={"light"}
    )
    assert found == (1 / 3, 1.0, True, 1 / 3)
    assert generative([], {"sky"}, set(), {}) == (None, 0.0, None, None)
    assert generative(["sky", "sky"], {"sky"}, set(), {}) == (0.0, 1.0, False, 0.0)


def test_objects_are_found_by_their_words() -> None:
    found = coco_objects().mentions(
        "Two women eat hot dogs beside a street car, with an orange juice and mobile phones."
    )
    assert found == ["person", "hot dog", "cell phone"]
    assert coco_objects().mentions("Der Hund schläft.") == []
    words = Vocabulary.of({"bus": [], "mouse": []})
    assert words.mentions("Buses, mice and a busy mousetrap") == ["bus", "mouse"]
