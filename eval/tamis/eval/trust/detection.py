"""Detection against labels: responses, and places in them, as RAGTruth, HaluEval, POPE and AMBER count them."""

from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

from tamis.core.errors import BadInput


class Detection(NamedTuple):
    """Precision, recall and F1 in [0, 1], each None where it is not defined, and the counts behind them.

    ``unscored`` items had no prediction: they are in no figure. ``accuracy`` and ``balanced_accuracy`` are over the
    others; ``positive_rate`` is the share predicted positive (the yes-ratio of POPE).
    """

    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int
    unscored: int

    @property
    def n(self) -> int:
        """Items with a prediction."""
        return sum(self[:4])

    @property
    def precision(self) -> float | None:
        """Right among those predicted positive."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float | None:
        """Found among the positive ones."""
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def specificity(self) -> float | None:
        """Left alone among the negative ones."""
        return _ratio(self.true_negatives, self.true_negatives + self.false_positives)

    @property
    def f1(self) -> float | None:
        """2PR / (P + R); 0 where both are 0, None where one is not defined."""
        return f1_of(self.precision, self.recall)

    @property
    def accuracy(self) -> float | None:
        """Right among all."""
        return _ratio(self.true_positives + self.true_negatives, self.n)

    @property
    def balanced_accuracy(self) -> float | None:
        """The mean of recall and specificity; None where there is only one class."""
        recall, specificity = self.recall, self.specificity
        return None if recall is None or specificity is None else (recall + specificity) / 2

    @property
    def positive_rate(self) -> float | None:
        """Predicted positive among all."""
        return _ratio(self.true_positives + self.false_positives, self.n)


def f1_of(precision: float | None, recall: float | None) -> float | None:
    """F1; 0 where precision and recall are both 0, None where one of them is not defined.

    >>> f1_of(0.5, 1.0), f1_of(0.0, 0.0), f1_of(None, 1.0)
    (0.6666666666666666, 0.0, None)
    """
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def detected(labels: Sequence[bool], predictions: Sequence[bool | None]) -> Detection:
    """The counts of predictions against labels; a prediction of None is unscored. Raises BadInput for two lengths.

    >>> detected([True, True, False, False], [True, None, True, False])
    Detection(true_positives=1, false_positives=1, true_negatives=1, false_negatives=0, unscored=1)
    """
    if len(labels) != len(predictions):
        raise BadInput(f"{len(labels)} labels need as many predictions, not {len(predictions)}")
    pairs = [(bool(label), one) for label, one in zip(labels, predictions, strict=True)]
    return Detection(
        pairs.count((True, True)),
        pairs.count((False, True)),
        pairs.count((False, False)),
        pairs.count((True, False)),
        sum(one is None for _, one in pairs),
    )


class SpanDetection(NamedTuple):
    """RAGTruth's span level over characters: what is marked and right, marked, and right; P, R and F1 in [0, 1]."""

    both: int
    predicted: int
    gold: int

    @property
    def precision(self) -> float | None:
        """Marked rightly among all that is marked."""
        return _ratio(self.both, self.predicted)

    @property
    def recall(self) -> float | None:
        """Marked among all that is to be."""
        return _ratio(self.both, self.gold)

    @property
    def f1(self) -> float | None:
        """2PR / (P + R)."""
        return f1_of(self.precision, self.recall)

    @property
    def iou(self) -> float | None:
        """Shared among all that one of the two marks."""
        return _ratio(self.both, self.predicted + self.gold - self.both)


def spans_detected(
    gold: Sequence[Iterable[tuple[int, int]]], predicted: Sequence[Iterable[tuple[int, int]]]
) -> SpanDetection:
    """Characters marked in each response, summed over responses; spans are ``[begin, end)`` and may overlap.

    >>> spans_detected([[(0, 10)]], [[(5, 10), (8, 15)]])
    SpanDetection(both=5, predicted=10, gold=10)
    """
    if len(gold) != len(predicted):
        raise BadInput(f"{len(gold)} responses need as many predictions, not {len(predicted)}")
    both = marked = wanted = 0
    for truth, found in zip(gold, predicted, strict=True):
        right, given = _characters(truth), _characters(found)
        both += len(right & given)
        marked += len(given)
        wanted += len(right)
    return SpanDetection(both, marked, wanted)


def area_under_roc(labels: Sequence[bool], scores: Sequence[float | None]) -> float | None:
    """AUROC: how often a positive item scores above a negative one, ties for half; items without a score are left out.

    None where one class has none.

    >>> area_under_roc([True, True, False], [0.9, 0.4, 0.4])
    0.75
    """
    known = sorted((score, bool(label)) for label, score in zip(labels, scores, strict=True) if score is not None)
    positives = sum(label for _, label in known)
    negatives = len(known) - positives
    if not positives or not negatives:
        return None
    ranks, place = 0.0, 0
    while place < len(known):
        end = place
        while end < len(known) and known[end][0] == known[place][0]:
            end += 1
        ranks += (place + 1 + end) / 2 * sum(label for _, label in known[place:end])
        place = end
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def per_group(
    labels: Sequence[bool], predictions: Sequence[bool | None], groups: Sequence[Hashable]
) -> dict[Hashable, Detection]:
    """``detected`` for each group, groups in the order in which they first come."""
    return {
        group: detected(
            [label for label, one in zip(labels, groups, strict=True) if one == group],
            [found for found, one in zip(predictions, groups, strict=True) if one == group],
        )
        for group in dict.fromkeys(groups)
    }


def _characters(spans: Iterable[tuple[int, int]]) -> set[int]:
    return {place for begin, end in spans for place in range(begin, end)}


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
