"""Which modality an answer rests on: the modality importance score, and what kind of question that makes it."""

from collections.abc import Collection, Mapping
from itertools import combinations
from typing import NamedTuple

from tamis.core.errors import BadInput


class ModalityImportance(NamedTuple):
    """The score of each modality in [-1, 1], and the kind of question.

    ``kind`` is "<modality>-biased", "agnostic, correct", "agnostic, incorrect", "complementary" or "none".
    """

    scores: Mapping[str, float]
    kind: str


def modality_importance(correct: Mapping[Collection[str], bool]) -> ModalityImportance:
    """MIS of one question (Park et al. 2024) from whether it was answered right with each set of modalities.

    A modality's score is the share of right answers over the sets that hold it with others, less that over the sets
    without it. ``correct`` has all 2^n - 1 non-empty sets of n >= 2 modalities, as tuples or frozensets.

    A question is agnostic where all scores are 0, complementary where all are above 0, and biased towards a modality
    where it is the only one with a score of 0 or above that no other exceeds 0. What is left is "none".
    Raises BadInput for fewer than two modalities and for sets that are missing.

    >>> modality_importance({("text",): False, ("image",): True, ("text", "image"): True})
    ModalityImportance(scores={'text': 0.0, 'image': 1.0}, kind='image-biased')
    """
    answers = {frozenset(names): bool(right) for names, right in correct.items()}
    names = tuple(dict.fromkeys(name for given in correct for name in given))
    if len(names) < 2:
        raise BadInput(f"modality importance compares at least two modalities, not {len(names)}")
    every = [frozenset(some) for size in range(1, len(names) + 1) for some in combinations(names, size)]
    if missing := [some for some in every if some not in answers]:
        wanted = ", ".join("+".join(name for name in names if name in some) for some in missing)
        raise BadInput(f"modality importance needs an answer with each set of modalities; missing: {wanted}")
    scores = {}
    for name in names:
        with_it = [answers[some] for some in every if name in some and len(some) > 1]
        without = [answers[some] for some in every if name not in some]
        scores[name] = sum(with_it) / len(with_it) - sum(without) / len(without)
    return ModalityImportance(scores, _kind(scores, answers[frozenset(names)]))


def _kind(scores: Mapping[str, float], all_correct: bool) -> str:
    if all(score == 0 for score in scores.values()):
        return f"agnostic, {'correct' if all_correct else 'incorrect'}"
    if all(score > 0 for score in scores.values()):
        return "complementary"
    leaders = [
        name
        for name, score in scores.items()
        if score >= 0 and all(other <= 0 for another, other in scores.items() if another != name)
    ]
    return f"{leaders[0]}-biased" if len(leaders) == 1 else "none"
