"""Where planted passages stand among those that a retriever gave, by similarity to the query. Numbers only."""

import math
from collections.abc import Sequence
from typing import NamedTuple

_SAME_SCALE = 0.01


class Found(NamedTuple):
    """A passage that the retriever gave: its score there, and what the planting embedder says of it; None: unknown."""

    score: float | None
    similarity: float | None


class Place(NamedTuple):
    """One place of the merged ranking: a passage by its index among the planted or among the found, and its score."""

    planted: bool
    number: int
    score: float | None


def merged(found: Sequence[Found], planted: Sequence[float], count: int) -> list[Place]:
    """The ``count`` best of both, best first; the order of the found ones is kept.

    Where the retriever's scores are the similarities themselves (each within 0.01), passages stand by score: what an
    exact search over the larger corpus would have given. Otherwise a planted passage stands behind as many found ones
    as are at least as similar as it is (unknown counts as that), and its score lies between its neighbours' as its
    similarity does between theirs. Among equals the corpus's own come first, then the planted in their order.

    >>> merged([Found(0.9, 0.9), Found(0.5, 0.5)], [0.7], 2)
    [Place(planted=False, number=0, score=0.9), Place(planted=True, number=0, score=0.7)]
    >>> merged([Found(12.0, 0.9), Found(8.0, 0.5)], [0.7], 3)[1]
    Place(planted=True, number=0, score=10.0)
    """
    same_scale = all(
        one.score is not None and one.similarity is not None and abs(one.score - one.similarity) <= _SAME_SCALE
        for one in found
    )
    # The scores that were given decide: the embedder's own may differ from them in the last digits.
    known = [one.score if same_scale else one.similarity for one in found]
    # What is no number says nothing for a passage: as found it is unknown, as planted it comes last.
    likeness = [-math.inf if math.isnan(value) else value for value in planted]
    order = sorted(range(len(planted)), key=lambda i: -likeness[i])
    behind = {i: sum(1 for value in known if value is None or math.isnan(value) or value >= likeness[i]) for i in order}
    ranking: list[Place] = []
    waiting = list(order)
    for index in range(len(found) + 1):
        while waiting and behind[waiting[0]] <= index:
            i = waiting.pop(0)
            score = planted[i] if same_scale else _between(found, index, likeness[i])
            ranking.append(Place(True, i, score))
        if index < len(found):
            ranking.append(Place(False, index, found[index].score))
    return ranking[:count]


def _between(found: Sequence[Found], index: int, similarity: float) -> float | None:
    """A score on the retriever's scale for a passage that stands before ``found[index]``."""
    before = found[index - 1] if index > 0 else None
    after = found[index] if index < len(found) else None
    high = None if before is None else before.score
    low = None if after is None else after.score
    if high is None or low is None:
        return high if low is None else low
    if before is None or after is None or before.similarity is None or after.similarity is None:
        return (high + low) / 2
    span = before.similarity - after.similarity
    share = (similarity - after.similarity) / span if span > 0 else 0.5
    return low + (high - low) * min(1.0, max(0.0, share))
