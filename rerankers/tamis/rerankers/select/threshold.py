"""Threshold: keeps what is likely enough by itself, with a fixed or a fitted cut (RagVL, 2024)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tamis.core.errors import BadInput, BadSetting

from .policy import checked_ranking

GRID_POINTS = 512
FEWEST_OF_A_CLASS = 2


@dataclass(frozen=True)
class Threshold:
    """Keeps candidates whose score is at least eta; 0.5 is "rather relevant than not" for probabilities.

    Source: "MLLM Is a Strong Reranker" (RagVL, 2024), which cuts the reranked list at a natural eta of 0.5 or at an
    adaptive one, constant over a data set, where the score curves of relevant and irrelevant items cross.

    >>> Threshold().keep([0.9, 0.5, 0.2])
    2
    """

    eta: float = 0.5

    def __post_init__(self) -> None:
        if isinstance(self.eta, bool) or not isinstance(self.eta, (int, float)) or not math.isfinite(self.eta):
            raise BadSetting(f"eta is {self.eta!r}; it must be a finite number")

    def keep(self, probabilities: Sequence[float]) -> int:
        """How many reach eta. Raises BadInput for scores that are not finite or not best first."""
        return int((checked_ranking(probabilities) >= self.eta).sum())

    @classmethod
    def fit(cls, scores: Sequence[float], labels: Sequence[bool]) -> "Threshold":
        """The threshold where the curves of relevant and irrelevant scores cross, on a tuning split.

        ``scores`` and ``labels`` have one entry for each (query, candidate) pair. How the curves are drawn is our
        reconstruction: Gaussian kernel densities (Silverman's bandwidth) on one grid; the crossing between the two
        medians; where there is none or several, the one with the best true-positive minus false-positive rate.
        Measure it on other queries than those it was fitted on: on the same ones it flatters itself.

        Raises BadInput when lengths differ, a score is not finite, either class has fewer than two scores, or the
        irrelevant ones score higher (swapped labels).

        >>> Threshold.fit([0.1, 0.2, 0.3, 0.7, 0.8, 0.9], [False, False, False, True, True, True]).eta
        0.5
        """
        if len(scores) != len(labels):
            raise BadInput(f"{len(scores)} scores for {len(labels)} labels; there must be one label for each score")
        values = np.asarray(scores, dtype=np.float64)
        relevant = np.asarray(labels, dtype=bool)
        if not np.isfinite(values).all():
            raise BadInput(
                f"the score {values[~np.isfinite(values)][0]} is not a finite number; leave unscored pairs out"
            )
        good, bad = values[relevant], values[~relevant]
        if min(len(good), len(bad)) < FEWEST_OF_A_CLASS:
            raise BadInput(
                f"{len(good)} relevant and {len(bad)} irrelevant scores; a threshold needs at least "
                f"{FEWEST_OF_A_CLASS} of each"
            )
        low, high = float(np.median(bad)), float(np.median(good))
        if high < low:
            raise BadInput(
                f"relevant scores have the median {high:.4g}, irrelevant ones {low:.4g}: are the labels swapped?"
            )
        return cls(round(crossing(good, bad, low, high), 12))


def crossing(good: NDArray[np.float64], bad: NDArray[np.float64], low: float, high: float) -> float:
    """Where the two densities cross between ``low`` and ``high``, both median scores."""
    grid = np.linspace(low, high, GRID_POINTS)
    difference = density(good, grid) - density(bad, grid)
    signs = np.sign(difference)
    turns = np.flatnonzero(signs[:-1] * signs[1:] < 0)
    slopes = difference[turns + 1] - difference[turns]
    found = grid[turns] - difference[turns] * (grid[turns + 1] - grid[turns]) / slopes
    found = np.concatenate([found, grid[signs == 0]])
    if len(found) == 1:
        return float(found[0])
    candidates = found if len(found) else np.unique(np.concatenate([good, bad]))
    gains = [(good >= eta).mean() - (bad >= eta).mean() for eta in candidates]
    return float(candidates[int(np.argmax(gains))])


def density(values: NDArray[np.float64], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaussian kernel density of ``values`` at the points of ``grid``, bandwidth by Silverman's rule (1986)."""
    quartiles = np.quantile(values, [0.25, 0.75])
    spread = min(float(values.std()), float(quartiles[1] - quartiles[0]) / 1.349 or math.inf)
    # Scores that are all the same have no spread; a narrow kernel stands in for their spike.
    bandwidth = 0.9 * spread * len(values) ** -0.2 or 1e-3 * (float(np.ptp(grid)) or 1.0)
    total = np.zeros_like(grid)
    for chunk in np.array_split(values, max(1, len(values) // 4096)):
        total += np.exp(-0.5 * ((grid[:, None] - chunk[None, :]) / bandwidth) ** 2).sum(axis=1)
    curve: NDArray[np.float64] = total / (len(values) * bandwidth * math.sqrt(2 * math.pi))
    return curve
