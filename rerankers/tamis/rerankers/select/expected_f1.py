"""ExpectedF1: keeps the k passages that maximise the expected F-beta of what is kept."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tamis.core.errors import BadInput, BadSetting

from ..saved import read_saved, write_saved
from .policy import checked_probabilities
from .relevance_counts import Query, fit_relevance_counts, sharpened

KIND = "expected-f1"

# Sums of up to a few thousand products of doubles differ by less than this when they are equal on paper.
SAME = 1e-12


@dataclass(frozen=True)
class ExpectedF1:
    """Maximises expected F-beta under independent, calibrated probabilities; of equally good k it takes the smallest.

    ``beta`` weighs recall against precision: 1 is F1, 2 counts recall four times as much (beta squared). Keeping
    nothing has F = 1 if nothing is relevant and 0 otherwise, so the policy abstains by itself where that is likeliest.
    That the optimum is a prefix of the ranking, and that it can be found exactly in O(n^2): Ye, Chai, Lee and Chieu,
    "Optimizing F-measures: a tale of two approaches" (2012). Here it is found in a form that takes any real beta.

    Candidates are rarely independent: often just one passage answers, however alike two of them look. ``fit`` learns
    from labelled queries how many are relevant: ``counts[m]`` weighs having m of them (the last entry stands for
    more), ``sharpness`` multiplies log-odds. Unfitted, both say nothing.

    >>> ExpectedF1().keep([0.9, 0.8, 0.1])
    2
    >>> ExpectedF1().keep([0.2, 0.1])
    0
    >>> ExpectedF1(beta=3).keep([0.9, 0.8, 0.3])
    3
    """

    beta: float = 1.0
    counts: tuple[float, ...] = (1.0,)
    sharpness: float = 1.0

    def __post_init__(self) -> None:
        if isinstance(self.beta, bool) or not isinstance(self.beta, (int, float)) or not 0.001 <= self.beta <= 1000:
            raise BadSetting(f"beta is {self.beta!r}; it must be a number from 0.001 to 1000")
        object.__setattr__(self, "counts", tuple(float(weight) for weight in self.counts))
        if not self.counts or not all(0 <= weight < float("inf") for weight in self.counts) or self.counts[-1] == 0:
            raise BadSetting(f"counts is {self.counts!r}; it needs weights of 0 or more, the last above 0")
        if not 0 < self.sharpness < float("inf"):
            raise BadSetting(f"sharpness is {self.sharpness!r}; it must be above 0")

    def keep(self, probabilities: Sequence[float]) -> int:
        """How many to keep. Raises BadInput for what is no probability, or not best first."""
        sharp = sharpened(checked_probabilities(probabilities), self.sharpness)
        expected = expected_f(sharp, float(self.beta), self.counts)
        return int(np.argmax(expected >= expected.max() - SAME))

    def fit(self, queries: Iterable[tuple[Sequence[float], Sequence[bool]]]) -> "ExpectedF1":
        """The policy with counts and sharpness, from (probabilities, relevant or not) of each query's candidates.

        Queries without a relevant candidate belong to it: they say how often to abstain. Raises BadInput for lengths
        that differ, what is no probability, and no queries at all.
        """
        learnt = fit_relevance_counts([_query(number, *query) for number, query in enumerate(queries, start=1)])
        return ExpectedF1(self.beta, learnt.weights, learnt.sharpness)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the policy as JSON."""
        write_saved(path, KIND, {"beta": self.beta, "counts": list(self.counts), "sharpness": self.sharpness})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "ExpectedF1":
        """A saved policy. Raises BadInput, naming the file, for anything that is none."""
        content: dict[str, Any] = read_saved(path, KIND)
        try:
            return cls(**content)
        except (BadSetting, TypeError, ValueError) as error:
            raise BadInput(f'"{path}" is not a {KIND} policy: {error}') from error


def _query(number: int, probabilities: Sequence[float], relevant: Sequence[bool]) -> Query:
    """One calibration query as arrays. Raises BadInput, naming the query by its number."""
    chances, flags = np.asarray(probabilities, dtype=float), np.asarray(relevant, dtype=bool)
    if chances.ndim != 1 or chances.shape != flags.shape:
        raise BadInput(f"query {number} has {chances.size} probabilities and {flags.size} labels; give one each")
    if not ((chances >= 0) & (chances <= 1)).all():
        raise BadInput(f"query {number} has a score outside [0, 1]; use the scores of a Reranker")
    return Query(chances, flags)


def expected_f(
    probabilities: NDArray[np.float64], beta: float, counts: tuple[float, ...] = (1.0,)
) -> NDArray[np.float64]:
    """Expected F-beta of keeping the first k, for k = 0..n: shape (n,) in, (n + 1,) out, each in [0, 1].

    F-beta of k kept with r relevant among them and m relevant in all is (1 + beta^2) r / (k + beta^2 m). Its
    expectation is the sum over m of that gain of one relevant passage, times the expected r counted only where
    exactly m are relevant. The latter is a sum over the first k passages i of P(i is relevant and m - 1 of the others
    are): distributions whose generating functions are products of n - 1 factors, known from their values at n or more
    roots of unity. By Parseval the sum over m is the same as one over the roots, with the gains transformed.

    >>> expected_f(np.array([0.5]), 1.0).tolist()
    [0.5, 0.5]
    """
    n = len(probabilities)
    nothing = counts[0] * float(np.prod(1.0 - probabilities))
    if n == 0:
        return np.ones(1)
    plan = plan_for(n, beta, counts)
    factors = 1.0 + plan.steps[:, None] * probabilities  # (roots, n)
    share = np.cumsum(probabilities / factors, axis=1) * np.prod(factors, axis=1)[:, None]
    expected = np.einsum("wk,wk->k", share, plan.gains).real
    if len(set(counts)) > 1:
        # With all n kept, the expected r where exactly m are relevant is m P(m): its sum over m, each over m and times
        # the weight of m, is what the weights add up to.
        something = share[:, -1].real @ plan.sizes.real - share[:, -1].imag @ plan.sizes.imag
        total = max(something, 0.0) + nothing
        if total <= 0:
            raise BadInput("no number of relevant passages has a weight above 0 here; fit the policy on more queries")
    else:
        total = counts[0]
    found: NDArray[np.float64] = np.clip(np.concatenate([[nothing], expected]) / total, 0.0, 1.0)
    return found


class Plan(NamedTuple):
    """What depends on the settings and the number of candidates alone: the roots of unity less 1, and there the
    gains and the weights of the numbers of relevant passages over these numbers."""

    steps: NDArray[np.complex128]
    gains: NDArray[np.complex128]
    sizes: NDArray[np.complex128]


@lru_cache(maxsize=32)
def plan_for(n: int, beta: float, counts: tuple[float, ...]) -> Plan:
    """Roots of shape (r,), transformed gains (r, n) and sizes (r,), r = half the smallest odd number above n - 1.

    An odd number of roots has no -1 among them, so that a factor 1 - p + p w is never 0. One of each pair of
    conjugates is enough, counted twice.
    """
    count = n if n % 2 else n + 1
    angles = 2 * np.pi * np.arange(count // 2 + 1) / count
    kept = np.arange(1.0, n + 1)
    gain = (1 + beta**2) / (kept[None, :] + beta**2 * kept[:, None])  # row m - 1, column k - 1
    weights = np.array([counts[min(m, len(counts) - 1)] for m in range(1, n + 1)])
    columns = np.column_stack([gain * weights[:, None], weights / kept])
    transformed = np.fft.rfft(columns, n=count, axis=0).conj() * (2 / count)
    transformed[0] /= 2
    return Plan(np.exp(-1j * angles) - 1.0, transformed[:, :-1], transformed[:, -1])
