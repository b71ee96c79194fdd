"""How many passages of a question are relevant, learnt from labelled questions: what ExpectedF1 may be fitted on."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tamis.core.errors import BadInput

Vector = NDArray[np.float64]
_ROUNDS = 200


class Query(NamedTuple):
    """The candidates of one calibration query: probabilities and, for each, whether it is relevant. Shapes (n,)."""

    probabilities: Vector
    relevant: NDArray[np.bool_]


class RelevanceCounts(NamedTuple):
    """The fitted prior: ``weights[m]`` for m relevant passages (the last entry for more), and ``sharpness``."""

    weights: tuple[float, ...]
    sharpness: float


def sharpened(probabilities: Vector, sharpness: float) -> Vector:
    """The probabilities with their log-odds times ``sharpness``; 0 and 1 stay. Shape as given.

    >>> sharpened(np.array([0.0, 0.2, 1.0]), 2.0).round(4).tolist()
    [0.0, 0.0588, 1.0]
    """
    if sharpness == 1:
        return probabilities
    yes, no = probabilities**sharpness, (1 - probabilities) ** sharpness
    sharp: Vector = yes / (yes + no)
    return sharp


def count_distributions(queries: Sequence[Vector], most: int) -> Vector:
    """P(m of the candidates are relevant) for m = 0..most, the last for ``most`` or more: shape (queries, most + 1).

    The Poisson-binomial distribution of independent candidates.

    >>> count_distributions([np.array([0.5, 0.5])], most=2).tolist()
    [[0.25, 0.5, 0.25]]
    """
    longest = max((len(query) for query in queries), default=0)
    padded = np.zeros((len(queries), longest))
    for row, query in enumerate(queries):
        padded[row, : len(query)] = query
    found = np.zeros((len(queries), most + 1))
    found[:, 0] = 1
    for column in padded.T:
        up = found * column[:, None]
        # Whoever already has the most stays there.
        stays = found - up
        stays[:, most] = found[:, most]
        stays[:, 1:] += up[:, :-1]
        found = stays
    return found


def fit_relevance_counts(queries: Sequence[Query]) -> RelevanceCounts:
    """The prior under which the labels of these queries are most likely, if candidates are independent but for it.

    P(set) is proportional to the product of its members' odds to the power ``sharpness``, times the weight of its
    size. The weights are found by iterative scaling (Darroch and Ratcliff 1972) with one more query that behaves as
    independence would have it, so that a number never seen is unlikely and not impossible; the sharpness by a search
    over [0.2, 5]. Raises BadInput for no queries at all.
    """
    if not queries:
        raise BadInput("there are no queries to fit on; ExpectedF1() without fit() takes candidates as independent")
    totals = np.array([int(query.relevant.sum()) for query in queries])
    most = int(totals.max()) + 1
    steps = np.geomspace(0.2, 5.0, 13)
    fits = [_at(queries, totals, most, float(step)) for step in steps]
    best = int(np.argmin([loss for loss, _ in fits]))
    finer = np.geomspace(steps[max(best - 1, 0)], steps[min(best + 1, len(steps) - 1)], 7)
    fits = [_at(queries, totals, most, float(step)) for step in finer]
    best = int(np.argmin([loss for loss, _ in fits]))
    return RelevanceCounts(tuple(fits[best][1].tolist()), float(finer[best]))


def _at(queries: Sequence[Query], totals: NDArray[np.int64], most: int, sharpness: float) -> tuple[float, Vector]:
    """Loss (mean negative log-likelihood) and weights at one sharpness."""
    sharp = [np.clip(sharpened(query.probabilities, sharpness), 1e-9, 1 - 1e-9) for query in queries]
    apart = count_distributions(sharp, most)
    usual = apart.mean(axis=0)
    seen = np.bincount(totals, minlength=most + 1)
    target = (seen + usual) / (len(queries) + 1)
    weights = np.ones(most + 1)
    for _ in range(_ROUNDS):
        joint = apart * weights
        expected = (joint / joint.sum(axis=1, keepdims=True)).mean(axis=0)
        # No query has so many candidates: nothing is known of that weight, and nothing changes it.
        step = np.divide(target, expected, out=np.ones(most + 1), where=expected > 0)
        weights *= step
        weights /= weights.max()
        if np.abs(np.log(step)).max() < 1e-4:
            break
    weights = np.maximum(weights, 1e-9)
    likelihood = np.log(weights[totals]) - np.log(apart @ weights)
    for row, (query, chances) in enumerate(zip(queries, sharp, strict=True)):
        likelihood[row] += np.log(np.where(query.relevant, chances, 1 - chances)).sum()
    return float(-likelihood.mean()), weights
