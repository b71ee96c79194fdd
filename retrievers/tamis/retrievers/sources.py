"""What the sources found for one query, put together: one ranking, and every hit of the passages in it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tamis.core.errors import BadSetting
from tamis.models.scorer import Hit

from .corpus import Nearest, Vectors, unit
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

    def hits(self, ids: Sequence[str]) -> Iterator[tuple[str, Hit]]:
        """What BM25 says of passages, listed or not; nothing of one that it does not know."""
        rank = {id: place for place, id in enumerate(self.found.ids, start=1)}
        for id in ids:
            if (row := self.postings.row(id)) is not None:
                yield id, Hit(float(self.scores[row]), rank.get(id), self.ceiling, "bm25")


class Near(NamedTuple):
    """The answer of a search by vector. ``ceiling`` is 1 where similarities are cosines, None where nobody knows."""

    vector: list[float]
    nearest: Nearest
    ceiling: float | None
    model: str

    def cosines(self, ids: list[str], vectors: Vectors) -> Mapping[str, float]:
        """The cosines of these passages to the vector that was searched for."""
        if not ids:
            return {}
        cosines = np.array([vectors[id] for id in ids]) @ unit(self.vector)
        return dict(zip(ids, cosines.astype(float).tolist(), strict=True))

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

    def unlisted(self, ids: Sequence[str]) -> list[str]:
        """Those of the ids that some search by vector did not list."""
        listed = [set(near.nearest.ids) for near in self.near.values()]
        return [id for id in ids if not all(id in one for one in listed)]

    def hits(self, ids: Sequence[str], vectors: Vectors) -> dict[str, dict[str, Hit]]:
        """What every source says of each id; of one that it did not list without a rank, by its vector."""
        hits: dict[str, dict[str, Hit]] = {id: {} for id in ids}
        for source, near in self.near.items():
            more = near.cosines([id for id in ids if id in vectors], vectors)
            rank = {id: place for place, id in enumerate(near.nearest.ids, start=1)}
            for id in ids:
                place = rank.get(id)
                score = more.get(id) if place is None else near.nearest.similarities[place - 1]
                if score is not None:
                    hits[id][source] = Hit(score, place, near.ceiling, near.model)
        if self.bm25.ceiling > 0:
            for id, hit in self.bm25.hits(ids):
                hits[id]["bm25"] = hit
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
