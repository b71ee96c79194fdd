"""BM25 over a set of passages as arrays that can be changed in place of being counted anew."""

import bisect
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tamis.models.lexical import tokenize

K1 = 1.5
B = 0.75
# Postings scored at once: bounds the double precision temporaries to some 50 MB.
_CHUNK = 1 << 20
# Of terms in at least one passage of _COMMON, up to _SPREADS are kept spread out: 13 MB at 100,000 passages.
_COMMON = 8
_SPREADS = 32
_FEW = 4096
_STEP = 16


class Counted(NamedTuple):
    """What BM25 counts of one passage: its terms, its length in terms, and a digest that says which text it was."""

    counts: Mapping[str, int]
    length: int
    digest: int


class Found(NamedTuple):
    """Passages that match a query, best first: their ids and BM25 scores (higher is better, above 0)."""

    ids: list[str]
    scores: list[float]


def digest_of(text: str) -> int:
    """64 bits that tell one text from another; no secret."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def counted(text: str, stored_text: str) -> Counted:
    """A passage's terms. ``text`` is what is searched; ``stored_text`` is what the store shows as its text."""
    terms = tokenize(text)
    return Counted(Counter(terms), len(terms), digest_of(stored_text))


@dataclass(frozen=True, eq=False)
class Postings:
    """The BM25 scores of every term in every passage that has it, by term (compressed sparse columns).

    Passages are in the order of their ids, so that equal scores fall in that order too; terms are in the order they
    came, and one that no passage has any more keeps its empty place until ``compact``. Scores are those of bm25s'
    method "lucene" (Lù 2024; k1 = 1.5, b = 0.75), bit for bit: idf * tf / (k1 * (1 - b + b * length / mean) + tf)
    with idf = ln(1 + (N - df + 0.5) / (df + 0.5)).

    ``starts`` has shape (terms + 1,): term t's postings are ``[starts[t]:starts[t + 1]]`` of ``rows`` (passage
    numbers), ``frequencies`` (how often) and ``scores`` (float32). ``lengths`` and ``digests`` have shape (passages,).
    """

    ids: Sequence[str]
    vocabulary: Mapping[str, int]
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    frequencies: NDArray[np.int32]
    scores: NDArray[np.float32]
    lengths: NDArray[np.int32]
    digests: NDArray[np.uint64]

    @classmethod
    def empty(cls) -> "Postings":
        """No passage at all."""
        return cls(
            (), {}, np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32),
            np.zeros(0, np.int32), np.zeros(0, np.uint64),
        )  # fmt: skip

    @classmethod
    def of(cls, passages: Mapping[str, Counted]) -> "Postings":
        """The index of these passages, by id."""
        return cls.empty().changed(passages, ())

    def __len__(self) -> int:
        return len(self.ids)

    def row(self, id: str) -> int | None:
        """The number of a passage; None if it is not here."""
        return self._numbers.get(id)

    @cached_property
    def _spreads(self) -> dict[int, NDArray[np.float32]]:
        return {}

    @cached_property
    def _numbers(self) -> Mapping[str, int]:
        return {id: row for row, id in enumerate(self.ids)}

    def idf(self, term: str) -> float:
        """ln(1 + (N - df + 0.5) / (df + 0.5)), above 0; highest for a term that no passage has."""
        column = self.vocabulary.get(term)
        df = 0 if column is None else int(self.starts[column + 1] - self.starts[column])
        return math.log(1 + (len(self) - df + 0.5) / (df + 0.5))

    def ceiling(self, terms: Sequence[str]) -> float:
        """The score that no passage can reach for this query: the sum of its terms' idf, unknown terms included."""
        return sum(self.idf(term) * count for term, count in Counter(terms).items())

    def score_all(self, terms: Sequence[str]) -> NDArray[np.float32]:
        """The score of every passage for a query's terms, shape (passages,); 0 where no term is in it."""
        total = np.zeros(len(self), np.float32)
        for term, count in Counter(terms).items():
            column = self.vocabulary.get(term)
            if column is None:
                continue
            if (everywhere := self._spread(column)) is not None:
                total += everywhere if count == 1 else everywhere * np.float32(count)
                continue
            where = slice(self.starts[column], self.starts[column + 1])
            # A passage comes once in a term's postings, so plain indexing adds up right and is faster than np.add.at.
            total[self.rows[where]] += self.scores[where] if count == 1 else self.scores[where] * np.float32(count)
        return total

    def _spread(self, column: int) -> NDArray[np.float32] | None:
        """The scores of a term that many passages have, by passage: several times as fast to add. None for others."""
        begin, end = int(self.starts[column]), int(self.starts[column + 1])
        if (end - begin) * _COMMON < len(self):
            return None
        spread = self._spreads.get(column)
        if spread is None and len(self._spreads) < _SPREADS:
            spread = np.zeros(len(self), np.float32)
            spread[self.rows[begin:end]] = self.scores[begin:end]
            self._spreads[column] = spread
        return spread

    def best(self, scores: NDArray[np.float32], depth: int) -> Found:
        """The ``depth`` best of ``score_all``, those above 0 only, equal scores in the order of ids."""
        rows = np.flatnonzero(scores > 0)
        if len(rows) > _FEW:
            # A sample tells about where the best begin; sorting out 100,000 scores takes longer than all the rest.
            sample = scores[::_STEP]
            place = min(len(sample), 3 * depth // _STEP + 16)
            bound = np.partition(sample, len(sample) - place)[len(sample) - place]
            if bound > 0 and len(best := np.flatnonzero(scores >= bound)) >= depth:
                rows = best
        values = scores[rows]
        if len(rows) > depth:
            bound = np.partition(values, len(rows) - depth)[len(rows) - depth]
            rows, values = rows[values >= bound], values[values >= bound]
        order = np.argsort(-values, kind="stable")[:depth]
        return Found([self.ids[row] for row in rows[order].tolist()], values[order].astype(np.float64).tolist())

    def changed(self, added: Mapping[str, Counted], removed: Iterable[str]) -> "Postings":
        """The index after passages are removed and added; an added id that is already here is replaced.

        Only the new passages' terms are looked at one by one; the rest is moved and scored anew as whole arrays.
        """
        gone = sorted({row for id in {*removed, *added} if (row := self.row(id)) is not None})
        if not gone and not added:
            return self
        kept = np.ones(len(self), bool)
        kept[gone] = False
        kept_ids = [id for id, stays in zip(self.ids, kept.tolist(), strict=True) if stays] if gone else list(self.ids)
        new_ids = sorted(added)
        # Where each new id goes among those that stay; everything behind it moves on by one.
        gaps = np.fromiter((bisect.bisect_left(kept_ids, id) for id in new_ids), np.int64, len(new_ids))
        moved = np.arange(len(kept_ids)) + np.searchsorted(gaps, np.arange(len(kept_ids)), side="right")
        fresh = (gaps + np.arange(len(new_ids))).tolist()
        new_row = np.full(len(self), -1, np.int32)
        new_row[kept] = moved

        total = len(kept_ids) + len(new_ids)
        lengths, digests = np.zeros(total, np.int32), np.zeros(total, np.uint64)
        lengths[moved], digests[moved] = self.lengths[kept], self.digests[kept]
        for row, id in zip(fresh, new_ids, strict=True):
            lengths[row], digests[row] = added[id].length, added[id].digest

        rows, frequencies = new_row[self.rows], self.frequencies
        columns = np.repeat(np.arange(len(self.vocabulary), dtype=np.int32), np.diff(self.starts))
        if gone:
            staying = rows >= 0
            rows, columns, frequencies = rows[staying], columns[staying], frequencies[staying]
        vocabulary = _with_terms(self.vocabulary, added.values())
        more = _triples(vocabulary, [(row, added[id]) for row, id in zip(fresh, new_ids, strict=True)])
        columns, rows, frequencies = _merged((columns, rows, frequencies), more, total)

        counts = np.bincount(columns, minlength=len(vocabulary))
        starts = np.zeros(len(vocabulary) + 1, np.int64)
        np.cumsum(counts, out=starts[1:])
        scores = _scored(columns, rows, frequencies, _idf(total, counts), lengths)
        ids = sorted([*kept_ids, *new_ids])
        return Postings(ids, vocabulary, starts, rows, frequencies, scores, lengths, digests)

    def compact(self) -> "Postings":
        """The same index without the terms that no passage has any more."""
        used = np.diff(self.starts) > 0
        if used.all():
            return self
        terms = [term for term, is_used in zip(self.vocabulary, used.tolist(), strict=True) if is_used]
        vocabulary = {term: column for column, term in enumerate(terms)}
        starts = np.concatenate([self.starts[:-1][used], self.starts[-1:]])
        return replace(self, vocabulary=vocabulary, starts=starts)

    def engine(self) -> Any:
        """The same index as a ``bm25s.BM25`` object, which shares the arrays."""
        import bm25s  # type: ignore[import-untyped]

        engine = bm25s.BM25(k1=K1, b=B, method="lucene")
        engine.scores = {"data": self.scores, "indices": self.rows, "indptr": self.starts, "num_docs": len(self)}
        engine.vocab_dict = dict(self.vocabulary)
        engine.unique_token_ids_set = set(engine.vocab_dict.values())
        engine.nonoccurrence_array = None
        return engine


_Triples = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]


def _with_terms(vocabulary: Mapping[str, int], passages: Iterable[Counted]) -> Mapping[str, int]:
    """The vocabulary with the passages' new terms behind the known ones; the same object if there are none."""
    fresh = dict.fromkeys(term for passage in passages for term in passage.counts if term not in vocabulary)
    if not fresh:
        return vocabulary
    return {**vocabulary, **{term: column for column, term in enumerate(fresh, start=len(vocabulary))}}


def _triples(vocabulary: Mapping[str, int], passages: Sequence[tuple[int, Counted]]) -> _Triples:
    """The postings of numbered passages, in no order."""
    size = sum(len(passage.counts) for _, passage in passages)
    columns, rows, frequencies = (np.zeros(size, np.int32) for _ in range(3))
    place = 0
    for row, passage in passages:
        end = place + len(passage.counts)
        columns[place:end] = [vocabulary[term] for term in passage.counts]
        rows[place:end] = row
        frequencies[place:end] = list(passage.counts.values())
        place = end
    return columns, rows, frequencies


def _merged(old: _Triples, more: _Triples, passages: int) -> _Triples:
    """Postings in the order of (column, row); ``old`` are in that order already."""
    if not len(more[0]):
        return old
    keys = old[0].astype(np.int64) * passages + old[1]
    more_keys = more[0].astype(np.int64) * passages + more[1]
    order = np.argsort(more_keys)
    places = np.searchsorted(keys, more_keys[order])
    columns, rows, frequencies = (np.insert(a, places, b[order]) for a, b in zip(old, more, strict=True))
    return columns, rows, frequencies


def _idf(passages: int, frequencies: NDArray[np.int64]) -> NDArray[np.float32]:
    distinct, which = np.unique(frequencies, return_inverse=True)
    # The C library's logarithm, as bm25s takes it: NumPy's own may differ in the last bit.
    values = [math.log(1 + (passages - df + 0.5) / (df + 0.5)) for df in distinct.tolist()]
    return np.array(values, np.float32)[which]


def _scored(
    columns: NDArray[np.int32],
    rows: NDArray[np.int32],
    frequencies: NDArray[np.int32],
    idf: NDArray[np.float32],
    lengths: NDArray[np.int32],
) -> NDArray[np.float32]:
    """The score of each posting, in double precision until the end as bm25s does it."""
    mean = lengths.mean() if len(lengths) else 1.0
    norms = K1 * ((1 - B) + B * lengths / (mean or 1.0))
    scores = np.empty(len(rows), np.float32)
    for begin in range(0, len(rows), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        counts = frequencies[part].astype(np.float64)
        scores[part] = idf[columns[part]] * (counts / (norms[rows[part]] + counts))
    return scores
