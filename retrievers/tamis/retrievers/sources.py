"""What the sources found for one query, put together: one ranking, and every hit of the passages in it."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tamis.core.errors import BadSetting
from tamis.models.scorer import Hit

from .corpus import Comparison, Nearest
from .fusion import Fused, calibrated, reciprocal_rank
from .postings import Found, Postings

Calibrations = Mapping[str, Callable[[float], float]]
"""For a source, its raw score to P(relevant) in [0, 1]."""


class Lexical(NamedTuple):
    """BM25's answer: its best, and the scores of all passages, shape (passages,)."""

    postings: Postings
    found: Found
    scores: NDArray[np.float32]
    ceiling: float


class Near(NamedTuple):
    """The answer of a search by vector. ``ceiling`` is 1 where similarities are cosines, None where nobody knows."""

    vector: list[float]
    nearest: Nearest
    ceiling: float | None
    model: str

    def among(self, postings: Postings) -> "Near":
        """Without passages that are not in ``postings``."""
        pairs = list(zip(*self.nearest, strict=True))
        kept = [(id, similarity) for id, similarity in pairs if postings.row(id) is not None]
        if len(kept) == len(pairs):
            return self
        return self._replace(nearest=Nearest([id for id, _ in kept], [similarity for _, similarity in kept]))


class Answers(NamedTuple):
    """All sources' answers; ``near`` by source, only those that were asked."""

    bm25: Lexical
    near: Mapping[str, Near]

    def unknown(self) -> bool:
        """Whether a search by vector found a passage that BM25 has not counted."""
        row = self.bm25.postings.row
        return any(row(id) is None for near in self.near.values() for id in near.nearest.ids)

    def known(self) -> "Answers":
        """Without such passages: BM25 counted what there is, and these have gone."""
        return self._replace(near={source: near.among(self.bm25.postings) for source, near in self.near.items()})

    def rankings(self) -> dict[str, list[str]]:
        """Each source's ids, best first."""
        return {**{source: near.nearest.ids for source, near in self.near.items()}, "bm25": self.bm25.found.ids}

    def comparisons(self, ids: Sequence[str]) -> list[Comparison]:
        """What each search by vector must be asked in addition, to know of all these ids."""
        listed = {source: set(near.nearest.ids) for source, near in self.near.items()}
        return [
            Comparison(near.vector, [id for id in ids if id not in listed[source]])
            for source, near in self.near.items()
        ]

    def hits(self, ids: Sequence[str], others: Sequence[Mapping[str, float]]) -> dict[str, dict[str, Hit]]:
        """What every source says of each id; of one that it did not list without a rank.

        ``others`` holds for each search by vector the similarities of passages that it did not list.
        """
        hits: dict[str, dict[str, Hit]] = {id: {} for id in ids}
        for (source, near), more in zip(self.near.items(), others, strict=True):
            rank = {id: place for place, id in enumerate(near.nearest.ids, start=1)}
            for id in ids:
                place = rank.get(id)
                score = more.get(id) if place is None else near.nearest.similarities[place - 1]
                if score is not None:
                    hits[id][source] = Hit(score, place, near.ceiling, near.model)
        if self.bm25.ceiling > 0:
            rank = {id: place for place, id in enumerate(self.bm25.found.ids, start=1)}
            for id in ids:
                row = self.bm25.postings.row(id)
                if row is not None:
                    hits[id]["bm25"] = Hit(float(self.bm25.scores[row]), rank.get(id), self.bm25.ceiling, "bm25")
        return hits


def by_rank(answers: Answers, k: float, weights: Mapping[str, float]) -> list[Fused]:
    """Reciprocal rank fusion of what the sources listed."""
    return reciprocal_rank(answers.rankings(), k, weights)


def by_score(
    hits: Mapping[str, Mapping[str, Hit]], calibrations: Calibrations, weights: Mapping[str, float]
) -> list[Fused]:
    """Linear opinion pool of each source's P(relevant), or of score / ceiling where a source is not calibrated.

    A source's score counts for every passage that it can say something of, listed or not. A source that nothing was
    heard of does not count. Raises BadSetting for a score that has neither a calibration nor a ceiling.
    """
    probabilities: dict[str, dict[str, float]] = {}
    for id, by_source in hits.items():
        for source, hit in by_source.items():
            probabilities.setdefault(source, {})[id] = _probability(source, hit, calibrations)
    return calibrated(probabilities, weights)


def _probability(source: str, hit: Hit, calibrations: Calibrations) -> float:
    if hit.score is None:
        return 0.0
    if source in calibrations:
        value = calibrations[source](hit.score)
    elif hit.ceiling is None:
        raise BadSetting(
            f'the scores of "{source}" have no known scale in this store; '
            f'give calibrations={{"{source}": ...}} or use fusion="rrf"'
        )
    else:
        value = hit.score / hit.ceiling if hit.ceiling > 0 else 0.0
    return min(max(float(value), 0.0), 1.0)
