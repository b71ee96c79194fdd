"""The pool finds what is alike and draws at random, always in the same way."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.eval.attacks.material import Material
from tamis.eval.attacks.pool import Pool
from tamis.eval.case import Document

TEXTS = ("red bus", "a red bus in town", "red bus", "green door", "", "the of and")


def pool_of(texts: Sequence[str]) -> Pool:
    return Pool([Document(str(i), Content(text)) for i, text in enumerate(texts)])


def ids(documents: Sequence[Document]) -> list[str]:
    return [document.id for document in documents]


def test_near_ones_come_best_first_with_ties_in_order_and_strangers_left_out() -> None:
    pool = pool_of(TEXTS)
    assert ids(pool.near("red bus", 9)) == ["0", "2", "1"]
    assert ids(pool.near("red bus", 2)) == ["0", "2"]
    assert ids(pool.near("a door and a bus", 9))[0] == "3"
    assert pool.near("violin", 9) == pool.near("", 9) == pool.near("the", 9) == pool.near("red", 0) == []


def test_a_pool_without_a_word_has_nothing_near() -> None:
    assert pool_of(["", "the"]).near("red", 3) == []
    assert pool_of([]).near("red", 3) == pool_of([]).drawn(3, Random(0)) == []


def test_the_scores_behind_it_are_those_of_bm25_by_hand() -> None:
    # idf("red") = ln(1 + (4 - 3 + 0.5) / (3 + 0.5)); longer texts with the word score less.
    pool = pool_of(["red", "red red", "red green blue", "green"])
    assert ids(pool.near("red", 4)) == ["1", "0", "2"]


@given(st.integers(0, 12), st.integers(0, 12), st.integers())
def test_a_longer_draw_begins_with_the_shorter_and_repeats_nothing(few: int, more: int, seed: int) -> None:
    pool = pool_of([str(i) for i in range(9)])
    few, more = sorted((few, more))
    short, long = ids(pool.drawn(few, Random(seed))), ids(pool.drawn(more, Random(seed)))
    assert long[: len(short)] == short
    assert len(set(long)) == len(long) == min(more, 9)


def test_every_document_is_drawn_as_often() -> None:
    pool, rng = pool_of([str(i) for i in range(5)]), Random(3)
    counts = {str(i): 0 for i in range(5)}
    for _ in range(2000):
        for id in ids(pool.drawn(2, rng)):
            counts[id] += 1
    assert all(700 < count < 900 for count in counts.values())


def test_without_an_embedder_the_cosine_is_that_of_tf_idf() -> None:
    pool = pool_of(["red bus", "red door"])
    # Both words of the text: "red" with idf 1 (in both), "bus" with ln(3 / 2) + 1 = 1.405.
    alone = 1 / (1 + 1.405465**2) ** 0.5
    assert pool.similarity("red bus", ["red bus", "red", "violin", ""]) == [
        pytest.approx(1), pytest.approx(alone, abs=1e-6), 0, 0
    ]  # fmt: skip


def test_an_embedder_is_asked_once_for_the_pools_own_texts() -> None:
    asked: list[str] = []

    def embed(texts: Sequence[str]) -> list[list[float]]:
        asked.extend(texts)
        return [[float(len(text)), 1.0] if text else [0.0, 0.0] for text in texts]

    pool = Pool([Document("a", Content("xx")), Document("b", Content("yyy"))], embed)
    first = pool.similarity("q", ["xx", "yyy", ""])
    assert first == pool.similarity("q", ["xx", "yyy", ""])
    assert first == [pytest.approx(0.948683), pytest.approx(0.894427), 0.0]
    assert sorted(asked) == ["", "", "q", "q", "xx", "yyy"]


def test_it_is_material_and_knows_its_documents_by_id() -> None:
    pool = pool_of(TEXTS)
    material: Material = pool
    assert material.documents == pool.documents
    assert (found := pool.get("3")) is not None
    assert found.content.text == "green door"
    assert pool.get("no such id") is None
