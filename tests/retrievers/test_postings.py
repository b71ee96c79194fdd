"""BM25 arrays: the scores of bm25s to the bit, and the same after any inserts and deletes as from anew."""

from collections import Counter

import bm25s  # type: ignore[import-untyped]
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.retrievers.postings import Counted, Postings, counted

WORDS = ["ash", "birch", "cedar", "elm", "fir", "hazel", "larch", "maple", "oak", "pine"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=12)
IDS = st.sampled_from([f"n{i}" for i in range(12)])
CHANGES = st.lists(st.tuples(st.dictionaries(IDS, TEXTS, max_size=4), st.sets(IDS, max_size=4)), min_size=1, max_size=8)


def passage(terms: list[str]) -> Counted:
    return Counted(Counter(terms), len(terms), digest=hash(tuple(terms)) & 0xFFFF)


def reference(passages: dict[str, list[str]]) -> bm25s.BM25:
    engine = bm25s.BM25(k1=1.5, b=0.75, method="lucene")
    engine.index([passages[id] for id in sorted(passages)], show_progress=False)
    return engine


@settings(deadline=None)
@given(st.dictionaries(IDS, TEXTS.filter(bool), min_size=1), st.lists(st.sampled_from(WORDS), unique=True, min_size=1))
def test_scores_are_those_of_bm25s_to_the_bit(passages: dict[str, list[str]], query: list[str]) -> None:
    index = Postings.of({id: passage(terms) for id, terms in passages.items()})
    known = [term for term in query if term in index.vocabulary]
    expected = reference(passages).get_scores(known) if known else np.zeros(len(passages), np.float32)
    assert index.score_all(query).tolist() == expected.tolist()


def test_scores_of_a_repeated_term_are_those_of_bm25s() -> None:
    passages = {"a": ["oak", "elm"], "b": ["oak", "oak", "fir"], "c": ["fir"]}
    index = Postings.of({id: passage(terms) for id, terms in passages.items()})
    query = ["oak", "fir", "oak"]
    assert index.score_all(query).tolist() == pytest.approx(reference(passages).get_scores(query).tolist())


@settings(deadline=None)
@given(CHANGES)
def test_any_inserts_and_deletes_leave_what_a_fresh_index_has(
    changes: list[tuple[dict[str, list[str]], set[str]]],
) -> None:
    index, held = Postings.empty(), dict[str, list[str]]()
    for added, removed in changes:
        index = index.changed({id: passage(terms) for id, terms in added.items()}, removed)
        held = {**{id: terms for id, terms in held.items() if id not in removed}, **added}
    for result in (index, index.compact()):
        fresh = Postings.of({id: passage(terms) for id, terms in held.items()})
        assert list(result.ids) == list(fresh.ids) == sorted(held)
        assert result.lengths.tolist() == fresh.lengths.tolist()
        assert result.digests.tolist() == fresh.digests.tolist()
        for word in WORDS:
            assert result.score_all([word]).tolist() == fresh.score_all([word]).tolist()
            assert result.idf(word) == fresh.idf(word)
        assert np.diff(result.starts).sum() == len(result.rows) == len(fresh.rows)
    assert len(index.compact().vocabulary) == len({term for terms in held.values() for term in terms})


@settings(deadline=None)
@given(st.dictionaries(IDS, TEXTS, min_size=1), st.lists(st.sampled_from(WORDS), min_size=1))
def test_no_score_reaches_its_ceiling(passages: dict[str, list[str]], query: list[str]) -> None:
    index = Postings.of({id: passage(terms) for id, terms in passages.items()})
    scores = index.score_all(query)
    assert (scores >= 0).all()
    assert float(scores.max()) < index.ceiling(query)


def test_a_term_that_no_passage_has_raises_the_ceiling_most() -> None:
    index = Postings.of({"a": passage(["oak"]), "b": passage(["elm"])})
    assert index.ceiling(["oak", "unheard"]) > 2 * index.ceiling(["oak"])


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=1, max_size=30), st.integers(1, 30))
def test_the_best_are_above_nought_in_order_of_score_and_then_of_id(values: list[float], depth: int) -> None:
    index = Postings.of({f"n{i:02}": passage(["oak"]) for i in range(len(values))})
    found = index.best(np.array(values, np.float32), depth)
    pairs = sorted(((-value, f"n{i:02}") for i, value in enumerate(values) if value > 0))[:depth]
    assert list(zip(found.ids, found.scores, strict=True)) == [(id, -value) for value, id in pairs]


@pytest.mark.parametrize("kind", ["spread", "one high", "few high", "many equal", "all equal", "none"])
def test_the_best_of_many_are_found_whatever_the_scores_look_like(kind: str) -> None:
    random = np.random.default_rng(0)
    size = 20_000
    scores = {
        "spread": random.exponential(size=size),
        "one high": np.where(np.arange(size) == 7, 9.0, 1.0),
        "few high": np.where(random.random(size) < 0.001, 5.0 + random.random(size), random.random(size)),
        "many equal": random.integers(0, 3, size).astype(float),
        "all equal": np.ones(size),
        "none": np.zeros(size),
    }[kind].astype(np.float32)
    index = Postings.of({f"n{i:05}": passage([]) for i in range(size)})
    expected = sorted((-score, f"n{i:05}") for i, score in enumerate(scores.tolist()) if score > 0)
    for depth in (1, 100, 5000):
        found = index.best(scores, depth)
        assert list(zip(found.ids, found.scores, strict=True)) == [(id, -score) for score, id in expected[:depth]]


def test_an_empty_index_answers() -> None:
    index = Postings.empty()
    assert index.best(index.score_all(["oak"]), 5) == ([], [])
    assert index.row("a") is None
    assert len(index.changed({}, ["a"])) == 0


def test_the_engine_is_a_bm25s_index_over_the_same_arrays() -> None:
    index = Postings.of({"a": counted("oak and elm", ""), "b": counted("an oak", "")})
    assert index.engine().get_scores(["oak"]).tolist() == index.score_all(["oak"]).tolist()
