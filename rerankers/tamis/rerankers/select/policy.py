"""What a selection policy is: from the probabilities of the candidates, how many of them to keep."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tamis.core.errors import BadInput


@runtime_checkable
class Policy(Protocol):
    """Decides how many candidates are kept.

    ``keep`` is given one probability for each candidate, best first, and returns how many of the first to keep, from
    0 (abstain) to all of them.
    """

    def keep(self, probabilities: Sequence[float]) -> int: ...


def checked_ranking(scores: Sequence[float]) -> NDArray[np.float64]:
    """Scores of any range as an array of shape (n,), descending.

    Raises BadInput when one is not a finite number or when they are not given best first.
    """
    ranking = np.asarray(scores, dtype=np.float64)
    if ranking.ndim != 1:
        raise BadInput(f"a policy takes one score for each candidate, not an array of shape {ranking.shape}")
    if not np.isfinite(ranking).all():
        wrong = ranking[~np.isfinite(ranking)][0]
        raise BadInput(f"a policy cannot use the score {wrong}; leave out candidates that have no score")
    if (ranking[1:] > ranking[:-1]).any():
        at = int(np.argmax(ranking[1:] > ranking[:-1]))
        raise BadInput(f"scores must be given best first; {ranking[at]} stands before {ranking[at + 1]}")
    return ranking


def checked_probabilities(probabilities: Sequence[float]) -> NDArray[np.float64]:
    """Probabilities as an array of shape (n,), descending, each in [0, 1].

    Raises BadInput when one lies outside, and as ``checked_ranking`` does.
    """
    ranking = checked_ranking(probabilities)
    if len(ranking) and (ranking[0] > 1.0 or ranking[-1] < 0.0):
        wrong = ranking[0] if ranking[0] > 1.0 else ranking[-1]
        raise BadInput(
            f"{wrong} is not a probability; put a Reranker before this policy, so that scores are P(relevant) in [0, 1]"
        )
    return ranking
