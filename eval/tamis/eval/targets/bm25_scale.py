"""BM25 scores for passages that are not in a bm25s index, on that index's own scale."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

_TOLERANCE = 0.02
_STEPS = 60


def lucene_score(
    query: Sequence[str], passage: Sequence[str], idf: Mapping[str, float], k1: float, b: float, average: float
) -> float:
    """BM25 as Lucene counts it (bm25s's default), of tokens; ``average`` is the mean number of tokens of a passage.

    >>> round(lucene_score(["bus"], ["red", "bus"], {"bus": 1.0}, 1.5, 0.75, 2.0), 3)
    0.4
    """
    counts = Counter(passage)
    norm = k1 * (1 - b + b * len(passage) / average)
    return sum(idf.get(token, 0.0) * counts[token] / (counts[token] + norm) for token in query if counts[token])


class _Statistics(NamedTuple):
    """What a bm25s index knows of its corpus; ``frequency`` in how many passages a token of the query is."""

    k1: float
    b: float
    passages: int
    frequency: dict[str, int]


def over_the_larger_corpus(
    index: Any,
    query: Sequence[str],
    found: Sequence[Sequence[str]],
    scores: Sequence[float],
    planted: Sequence[Sequence[str]],
) -> list[float] | None:
    """Scores that the found and then the planted passages would have in an index that held both; None: cannot be had.

    ``index`` is a ``bm25s.BM25``, ``scores`` are what it gave to the found ones. Its document frequencies are in it,
    its average length is the one that reproduces these scores (within 2 per cent, else None). The planted passages
    then count in all of it: a word that only they share with the query is a rare one.
    """
    held = _statistics(index, query)
    if held is None or not any(score > 0 for score in scores):
        return None
    idf = _idf(held.frequency, held.passages)

    def with_average(average: float) -> list[float]:
        return [lucene_score(query, passage, idf, held.k1, held.b, average) for passage in found]

    # Every score grows with the average length, so there is one that gives their sum.
    low, high = 1e-3, 1e7
    wanted = sum(scores)
    for _ in range(_STEPS):
        middle = math.sqrt(low * high)
        if sum(with_average(middle)) < wanted:
            low = middle
        else:
            high = middle
    if any(
        abs(own - given) > _TOLERANCE * max(given, 0.1) for own, given in zip(with_average(high), scores, strict=True)
    ):
        return None
    total = held.passages + len(planted)
    frequency = {token: df + sum(token in passage for passage in planted) for token, df in held.frequency.items()}
    idf = _idf(frequency, total)
    average = (held.passages * high + sum(map(len, planted))) / total
    return [lucene_score(query, passage, idf, held.k1, held.b, average) for passage in (*found, *planted)]


def _statistics(index: Any, query: Sequence[str]) -> _Statistics | None:
    if getattr(index, "method", None) != "lucene":
        return None
    try:
        starts = index.scores["indptr"]
        frequency: dict[str, int] = {}
        for token in set(query):
            place = index.vocab_dict.get(token)
            frequency[token] = 0 if place is None else int(starts[place + 1]) - int(starts[place])
        return _Statistics(float(index.k1), float(index.b), int(index.scores["num_docs"]), frequency)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError):
        return None


def _idf(frequency: Mapping[str, int], passages: int) -> dict[str, float]:
    return {token: math.log(1 + (passages - df + 0.5) / (df + 0.5)) for token, df in frequency.items()}


def among_themselves(query: Sequence[str], passages: Sequence[Sequence[str]]) -> list[float]:
    """BM25 (k1 = 1.5, b = 0.75) with the word statistics of these passages alone.

    >>> scores = among_themselves(["bus"], [["red", "bus"], ["tax"]])
    >>> scores[0] > scores[1]
    True
    """
    average = max(1.0, sum(map(len, passages)) / max(1, len(passages)))
    idf = _idf({token: sum(token in passage for passage in passages) for token in set(query)}, len(passages))
    return [lucene_score(query, passage, idf, 1.5, 0.75, average) for passage in passages]
