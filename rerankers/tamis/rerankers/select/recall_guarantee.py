"""RecallGuarantee: keeps so many that the expected share of relevant passages lost is at most alpha."""

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tamis.core.errors import BadInput, BadSetting, NotFitted

from ..saved import read_saved, write_saved
from .policy import checked_probabilities

KIND = "recall-guarantee"


@dataclass(frozen=True)
class RecallGuarantee:
    """Keeps candidates at or above a threshold that conformal risk control found on calibration queries.

    The promise: for queries exchangeable with the calibration queries, the expected share of a query's relevant
    candidates that is lost is at most ``alpha``, whatever the scorer and however many candidates (Angelopoulos et al.,
    "Conformal Risk Control", 2022). It is about queries that have a relevant candidate: others lose nothing, and are
    left out of fitting too, as they would only loosen the threshold. What the retriever missed is not covered, nor
    what ``max_k``, a token budget or an unscored passage costs.

    ``fit`` returns the fitted policy: ``threshold`` in [0, 1] and ``n_queries``, the number it was found on.

    >>> fitted = RecallGuarantee(alpha=0.5).fit([([0.9, 0.2], [True, False]), ([0.6, 0.5], [True, True])])
    >>> fitted.threshold, fitted.n_queries
    (0.6, 2)
    >>> fitted.keep([0.8, 0.6, 0.3])
    2
    """

    alpha: float = 0.1
    threshold: float | None = None
    n_queries: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.alpha, bool) or not isinstance(self.alpha, (int, float)) or not 0 < self.alpha < 1:
            raise BadSetting(f"alpha is {self.alpha!r}; it must lie between 0 and 1, such as 0.1 for a tenth lost")
        if self.threshold is not None and not (is_number(self.threshold) and 0 <= self.threshold <= 1):
            raise BadSetting(f"the threshold is {self.threshold!r}; fit() finds one in [0, 1]")

    def keep(self, probabilities: Sequence[float]) -> int:
        """How many reach the threshold.

        Raises NotFitted before ``fit``, and BadInput for what is no probability, or not best first.
        """
        if self.threshold is None:
            raise NotFitted(
                "RecallGuarantee has no threshold yet: call fit() with calibration queries and use what it returns, "
                "or load() a saved one"
            )
        return int((checked_probabilities(probabilities) >= self.threshold).sum())

    def fit(self, queries: Iterable[tuple[Sequence[float], Sequence[bool]]]) -> "RecallGuarantee":
        """The policy with its threshold, from (probabilities, relevant or not) of each query's candidates.

        The threshold is the largest at which (sum of losses + 1) / (n + 1) <= alpha, the loss of a query being the
        share of its relevant candidates below it. Candidates may come in any order.

        Raises BadInput for lengths that differ, what is no probability, and too few queries: n must be at least
        1 / alpha - 1, so 9 for 0.1, as even with no loss at all fewer prove nothing.
        """
        lost_at: list[tuple[float, float]] = []
        n = 0
        for number, (probabilities, relevant) in enumerate(queries, start=1):
            found = relevant_probabilities(number, probabilities, relevant)
            n += bool(found)
            lost_at += [(probability, 1 / len(found)) for probability in found]
        allowed = self.alpha * (n + 1) - 1
        needed = math.ceil(1 / self.alpha - 1 - 1e-9)
        if n < needed:
            raise BadInput(
                f"{n} queries with a relevant candidate are too few for alpha = {self.alpha}: at least {needed} are "
                "needed, or a larger alpha"
            )
        lost_at.sort()
        losses = np.cumsum([share for _, share in lost_at])
        # The first probability whose loss is more than allowed is the threshold: what equals it is kept. The margin is
        # for rounding in sums such as 1/3 + 1/3 + 1/3.
        first = int(np.searchsorted(losses, allowed + 1e-9, side="right"))
        return RecallGuarantee(self.alpha, lost_at[first][0], n)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the fitted policy as JSON. Raises NotFitted before ``fit``."""
        if self.threshold is None:
            raise NotFitted("an unfitted RecallGuarantee has nothing to save: call fit() and save what it returns")
        content = {"alpha": self.alpha, "threshold": self.threshold, "n_queries": self.n_queries}
        write_saved(path, KIND, content)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "RecallGuarantee":
        """A saved policy. Raises BadInput, naming the file, for anything that is none."""
        content: dict[str, Any] = read_saved(path, KIND)
        if set(content) != {"alpha", "threshold", "n_queries"} or content["threshold"] is None:
            raise BadInput(f'"{path}" is not a fitted {KIND}: it needs alpha, threshold and n_queries')
        try:
            return cls(**content)
        except BadSetting as error:
            raise BadInput(f'"{path}" is not a fitted {KIND}: {error}') from error


def relevant_probabilities(number: int, probabilities: Sequence[float], relevant: Sequence[bool]) -> list[float]:
    """The probabilities of a query's relevant candidates. Raises BadInput, naming the query by its number."""
    if len(probabilities) != len(relevant):
        raise BadInput(f"query {number} has {len(probabilities)} probabilities and {len(relevant)} labels")
    for probability in probabilities:
        if not 0 <= probability <= 1:
            raise BadInput(f"query {number}: {probability} is not a probability; use scores of a Reranker, in [0, 1]")
    return [float(probability) for probability, flag in zip(probabilities, relevant, strict=True) if flag]


def is_number(value: object) -> bool:
    """Whether it is an int or a float (a bool is neither)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
