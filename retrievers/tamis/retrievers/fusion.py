"""Fusion: one ranking out of several sources' rankings, as pure functions on ids and numbers."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Fused(NamedTuple):
    """One passage of a fused ranking; a higher score is better."""

    id: str
    score: float


def reciprocal_rank(
    rankings: Mapping[str, Sequence[str]], k: float = 60, weights: Mapping[str, float] | None = None
) -> list[Fused]:
    """Reciprocal rank fusion, best first: the sum over sources of weight / (k + rank), ranks from 1.

    ``rankings`` holds each source's ids, best first; an id that a source gives twice counts at its first place. A
    source that ``weights`` does not name weighs 1, and ids that only sources of weight 0 found are left out. Equal
    scores are in the order of their ids. k = 60, Cormack, Clarke and Buettcher 2009.

    >>> reciprocal_rank({"dense": ["a", "b"], "bm25": ["b", "c"]})[0].id
    'b'
    >>> reciprocal_rank({"dense": ["b"], "bm25": ["a"]}, k=1)
    [Fused(id='a', score=0.5), Fused(id='b', score=0.5)]
    """
    scores: dict[str, float] = {}
    for source, ids in rankings.items():
        weight = 1.0 if weights is None else weights.get(source, 1.0)
        if weight == 0:
            continue
        for rank, id in enumerate(dict.fromkeys(ids), start=1):
            scores[id] = scores.get(id, 0.0) + weight / (k + rank)
    return _best_first(scores)


def calibrated(
    probabilities: Mapping[str, Mapping[str, float]], weights: Mapping[str, float] | None = None
) -> list[Fused]:
    """Linear opinion pool, best first: the weighted mean over all sources of their probabilities (Stone 1961).

    ``probabilities`` holds for each source its value in [0, 1] for each id: P(relevant) where the source is
    calibrated, else its score as a share of the best it could have given. An id that a source says nothing about
    has 0 there. Scores are in [0, 1]; equal scores are in the order of their ids. A source that ``weights`` does not
    name weighs 1, and ids that only sources of weight 0 know are left out.

    >>> calibrated({"dense": {"a": 0.9, "b": 0.5}, "bm25": {"b": 0.7}})
    [Fused(id='b', score=0.6), Fused(id='a', score=0.45)]
    """
    weight_of = {source: 1.0 if weights is None else weights.get(source, 1.0) for source in probabilities}
    total = sum(weight_of.values())
    scores: dict[str, float] = {}
    for source, by_id in probabilities.items():
        if weight_of[source] == 0:
            continue
        for id, probability in by_id.items():
            scores[id] = scores.get(id, 0.0) + weight_of[source] * probability / total
    return _best_first(scores)


def _best_first(scores: Mapping[str, float]) -> list[Fused]:
    return [Fused(id, -negative) for negative, id in sorted((-score, id) for id, score in scores.items())]
