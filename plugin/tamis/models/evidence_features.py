"""What retrieval knows of each candidate, as numbers that mean the same for any store: the default scorer's input."""

import math
import re
import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .byte_lru import ByteLRU
from .lexical import tokenize

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

RANKING_FEATURES = ("cosine", "cosine_log_rank", "bm25", "lead", "sentence", "cosine_long", "bm25_long")
"""The columns of ``ranking_features``, in order: what tells candidates of one query apart.

- ``cosine``, ``bm25``: standard scores among the candidates, so they mean the same for any embedder and any corpus
- ``cosine_log_rank``: natural logarithm of the rank by cosine among the candidates, the nearest 0
- ``lead``: share of the query's terms within the passage's first 16 terms, where titles and headings stand, in [0, 1]
- ``sentence``: share of the query's terms within the one sentence that holds most of them, in [0, 1]
- ``cosine_long``, ``bm25_long``: the standard scores times ln(query terms / 5): one vector blurs a long question that
  asks for several things, words do not
"""

_LEAD_TERMS = 16
_SENTENCE_END = re.compile(r"(?<=[.!?\u3002])\s+|\n{2,}")
# Standard deviations of all-MiniLM-L6-v2 cosines and of BM25 shares among hard candidates of real questions.
_USUAL_COSINE_SPREAD = 0.1
_USUAL_BM25_SPREAD = 0.12


class Terms(NamedTuple):
    """What lexical features need of one text."""

    counts: dict[str, int]
    sentences: tuple[frozenset[str], ...]
    lead: frozenset[str]
    length: int


_REMEMBERED_BYTES = 64 * 2**20
"""About 3,500 passages of 1,500 characters: dozens of questions' candidates."""
_remembered = ByteLRU[Terms](_REMEMBERED_BYTES)


def terms_of(text: str) -> Terms:
    """The counted terms of a text; those of texts used of late are remembered."""
    known = _remembered.get(text)
    if known is None:
        known = _counted(text)
        _remembered.put(text, known, size_of(known) + sys.getsizeof(text))
    return known


def size_of(terms: Terms) -> int:
    """The bytes that the terms of one text take, without the words: those are remembered once for all texts."""
    return sum(map(sys.getsizeof, (terms, *terms[:3], *terms.sentences)))


def _counted(text: str) -> Terms:
    sentences = [tokenize(sentence) for sentence in _SENTENCE_END.split(text)]
    terms = [term for sentence in sentences for term in sentence]
    distinct = tuple(frozenset(sentence) for sentence in sentences if sentence)
    return Terms(dict(Counter(terms)), distinct, frozenset(terms[:_LEAD_TERMS]), len(terms))


def bm25_shares(query: Terms, passages: Sequence[Terms], k1: float = 1.5, b: float = 0.75) -> "Vector":
    """BM25 of each passage over these passages alone, as a share of the highest score possible, in [0, 1].

    Lucene's variant, whose term weight stays below the idf (Kamphuis et al. 2020), so the ceiling is the sum of the
    query's idfs. Shape (len(passages),).
    """
    count = len(passages)
    average = sum(passage.length for passage in passages) / max(count, 1) or 1.0
    scores = np.zeros(count)
    ceiling = 0.0
    for term in query.counts:
        frequencies = [passage.counts.get(term, 0) for passage in passages]
        holders = sum(1 for frequency in frequencies if frequency)
        idf = math.log(1 + (count - holders + 0.5) / (holders + 0.5))
        ceiling += idf
        for i, frequency in enumerate(frequencies):
            if frequency:
                scores[i] += idf * frequency / (frequency + k1 * (1 - b + b * passages[i].length / average))
    return scores / ceiling if ceiling else scores


def standard_scores(values: "Vector", usual_spread: float) -> "Vector":
    """How many standard deviations each value lies above the mean of the candidates. Shape as given.

    Two candidates say little about the spread, so the usual one counts as much as two more candidates would.
    """
    count = len(values)
    spread = math.sqrt((count * float(values.var()) + 2 * usual_spread**2) / (count + 2))
    scores: Vector = (values - values.mean()) / spread
    return scores


def log_ranks(values: "Vector") -> "Vector":
    """Natural logarithm of each value's rank, 0 for the highest; equals share the better rank. Shape as given."""
    ranks: Vector = np.log1p(np.searchsorted(np.sort(-values), -values, side="left"))
    return ranks


def margins(values: "Vector") -> "Vector":
    """Each value's lead over the best of the others (negative behind it); 0 for one that stands alone."""
    if len(values) < 2:
        return np.zeros_like(values)
    second, best = np.partition(values, -2)[-2:]
    rivals = np.full_like(values, best)
    rivals[int(np.argmax(values))] = second
    margin: Vector = values - rivals
    return margin


def ranking_features(query: Terms, passages: Sequence[Terms], cosines: "Vector", bm25: "Vector") -> "Vector":
    """The features that rank candidates, shape (len(passages), len(RANKING_FEATURES)).

    ``cosines`` and ``bm25`` have shape (len(passages),); ``bm25`` holds shares of the highest score possible.
    """
    wanted = query.counts.keys()
    share = 1 / len(wanted) if wanted else 0.0
    length = math.log(max(len(wanted), 1) / 5)
    dense = standard_scores(cosines, _USUAL_COSINE_SPREAD)
    lexical = standard_scores(bm25, _USUAL_BM25_SPREAD)
    lead = [len(wanted & passage.lead) * share for passage in passages]
    sentence = [max((len(wanted & one) for one in passage.sentences), default=0) * share for passage in passages]
    return np.column_stack([dense, log_ranks(cosines), lexical, lead, sentence, length * dense, length * lexical])


def longness(query: Terms) -> float:
    """0 for a question of up to 5 distinct terms, then rising towards 1 (0.5 at 10): how much a long one it is."""
    return 1 - min(1.0, 5 / max(len(query.counts), 1))
