"""How well lists are ranked, and how well a threshold cuts them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tamis.rerankers import Threshold
from toy_mllm.lists import LENGTH, CandidateList

Score = Callable[[CandidateList], Sequence[float]]
"""P(relevant), or anything else that ranks: one for each candidate, in order."""

CHANCE = 1 / LENGTH
"""Recall@1 of a random order where one candidate is relevant."""


class Ranking(NamedTuple):
    """One list as it was ranked: ``ndcg`` at 10 and ``recall`` at 1, both in [0, 1]."""

    kind: str
    ndcg: float
    recall: float


class Cut(NamedTuple):
    """What a policy kept, on the average: F1 against the relevant ones, recall (of lists that have any), how many."""

    context_f1: list[float]
    recall: float
    kept: float


def ranked(lists: Sequence[CandidateList], score: Score) -> list[Ranking]:
    """How each list with one relevant picture was ranked."""
    found = []
    for one in lists:
        order = np.argsort(-np.asarray(score(one)), kind="stable")
        rank = int(np.flatnonzero(np.array(one.relevant)[order])[0]) + 1
        ndcg = 1 / float(np.log2(rank + 1)) if rank <= 10 else 0.0
        found.append(Ranking(one.claim.kind, ndcg, float(rank == 1)))
    return found


class Scored(NamedTuple):
    """One list best first: P(relevant) and relevance, both of shape (candidates,)."""

    probabilities: NDArray[np.float64]
    relevant: NDArray[np.bool_]


def scored(lists: Sequence[CandidateList], score: Score) -> list[Scored]:
    """Lists with their candidates' P(relevant), best first."""
    found = []
    for one in lists:
        probabilities = np.array([float(value) for value in score(one)])
        order = np.argsort(-probabilities, kind="stable")
        found.append(Scored(probabilities[order], np.array(one.relevant)[order]))
    return found


def fitted_threshold(lists: Sequence[Scored]) -> Threshold:
    """RagVL's adaptive eta: where relevant and irrelevant candidates are equally frequent, on these lists."""
    return Threshold.fit(
        np.concatenate([one.probabilities for one in lists]).tolist(),
        np.concatenate([one.relevant for one in lists]).tolist(),
    )


def best_fixed(lists: Sequence[Scored], most: int = LENGTH) -> int:
    """The number of candidates that gives the best mean context-F1 when the same number is always kept."""
    return max(range(most + 1), key=lambda k: float(np.mean(cut(lists, lambda _: k).context_f1)))


def cut(lists: Sequence[Scored], keep: Callable[[list[float]], int]) -> Cut:
    """What keeping the first ``keep(probabilities)`` of each list comes to."""
    kept = [keep(one.probabilities.tolist()) for one in lists]
    recalls = [
        float(one.relevant[:number].sum() / one.relevant.sum())
        for one, number in zip(lists, kept, strict=True)
        if one.relevant.any()
    ]
    f1 = [context_f1(one.relevant, number) for one, number in zip(lists, kept, strict=True)]
    return Cut(f1, float(np.mean(recalls)), float(np.mean(kept)))


def context_f1(relevant: NDArray[np.bool_], kept: int) -> float:
    """F1 of the first ``kept`` against the relevant ones; where nothing is relevant 1 if nothing is kept, else 0."""
    if not relevant.any():
        return float(kept == 0)
    return 2 * float(relevant[:kept].sum()) / (kept + int(relevant.sum()))
