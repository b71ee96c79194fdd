"""Bands: what a cascade learnt from queries that every scorer judged in full, as one file."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tamis.core.errors import BadInput

from ..saved import read_saved, write_saved
from .band import Band, Vector, fitted
from .goal import Goal
from .plan import replayed, stop_for

KIND = "cascade"
FOLDS = 5
FEWEST_QUERIES = FOLDS


@dataclass(frozen=True)
class Bands:
    """One band for each scorer but the last, and at which chance of a change to stop.

    ``stop`` is None where there were too few queries to fit it: the cascade's own ``risk`` is taken then. It holds for
    the ``goal`` that it was fitted for, and is not used for another. ``call_share`` is the share of candidates that
    the queries it was fitted on would have been asked about, ``n_queries`` how many those were.
    """

    bands: tuple[Band, ...]
    stop: float | None = None
    goal: Mapping[str, Any] | None = None
    n_queries: int = 0
    call_share: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The bands as JSON."""
        return {
            "bands": [band.to_dict() for band in self.bands],
            "stop": self.stop,
            "goal": None if self.goal is None else dict(self.goal),
            "n_queries": self.n_queries,
            "call_share": self.call_share,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Bands":
        """What ``to_dict`` wrote. Raises BadInput for anything else."""
        try:
            bands = tuple(Band.from_dict(one) for one in content["bands"])
            stop = content.get("stop")
            if not bands or not (stop is None or 0 <= float(stop) <= 1):
                raise ValueError("there must be a band, and a stop in [0, 1]")
            return cls(bands, stop, content.get("goal"), int(content.get("n_queries", 0)), content.get("call_share"))
        except KeyError as error:
            raise BadInput(f"these are no fitted bands: {error} is missing") from error
        except (AttributeError, TypeError, ValueError) as error:
            raise BadInput(f"these are no fitted bands: {error}") from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the bands as JSON, whole or not at all."""
        write_saved(path, KIND, self.to_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Bands":
        """Saved bands. Raises BadInput, naming the file, for anything that is none."""
        content = read_saved(path, KIND)
        try:
            return cls.from_dict(content)
        except BadInput as error:
            raise BadInput(f'"{path}": {error}') from error


def fit_bands(queries: Sequence[Vector], goal: Goal, risk: float, size: int, named: Mapping[str, Any]) -> Bands:
    """Bands from the log-odds of all scorers, cheap first: an array of shape (scorers, n) for each query.

    ``stop`` (see ``stop_for``) comes from replays of each query with bands fitted on others (5-fold cross-fitting), so
    that it promises something about queries that nothing was fitted on; the bands are fitted on all. ``named`` says
    what they are fitted for.
    """
    replays = []
    for fold in range(FOLDS):
        shaping = [one for at, one in enumerate(queries) if at % FOLDS != fold]
        bands = bands_of(shaping)
        replays += [replayed(one, bands, goal, size) for one in queries[fold::FOLDS]]
    stop = stop_for(replays, risk)
    used = risk if stop is None else stop
    share = sum(one.calls(used) for one in replays) / max(1, sum(query.shape[1] for query in queries))
    return Bands(
        bands_of(queries), None if stop is None else min(1.0, max(0.0, stop)), dict(named), len(queries), share
    )


def bands_of(queries: Sequence[Vector]) -> tuple[Band, ...]:
    """The band of each scorer but the last."""
    last = [one[-1] for one in queries]
    return tuple(fitted([one[level] for one in queries], last) for level in range(len(queries[0]) - 1))


def checked(log_odds: Sequence[Sequence[Sequence[float]]], scorers: int) -> list[Vector]:
    """One array of shape (scorers, n) for each query. Raises BadInput where lists do not fit together."""
    if len(log_odds) != scorers:
        raise BadInput(
            f"log-odds of {len(log_odds)} scorers; the cascade has {scorers}, give those of each, cheap first"
        )
    if len({len(one) for one in log_odds}) != 1 or len(log_odds[0]) < FEWEST_QUERIES:
        counts = ", ".join(str(len(one)) for one in log_odds)
        raise BadInput(f"log-odds for {counts} queries; every scorer needs the same, at least {FEWEST_QUERIES}")
    queries = []
    for number, rows in enumerate(zip(*log_odds, strict=True)):
        try:
            query = np.array([list(row) for row in rows], dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise BadInput(
                f"query {number}: every scorer needs one number for each candidate, as a list for each query: {error}"
            ) from error
        if query.ndim != 2 or query.shape[1] < 2 or not np.isfinite(query).all():
            raise BadInput(f"query {number}: two or more candidates are needed, and log-odds that are finite numbers")
        queries.append(query)
    return queries
