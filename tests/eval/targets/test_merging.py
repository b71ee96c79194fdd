import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.eval.targets.merging import Found, Place, merged

COSINES = st.lists(st.integers(-50, 50).map(lambda n: n / 50), max_size=8)


@settings(max_examples=60)
@given(COSINES, COSINES, st.integers(1, 10))
def test_on_the_retrievers_own_scale_it_is_the_top_of_the_larger_corpus(
    corpus: list[float], planted: list[float], k: int
) -> None:
    found = sorted(corpus, reverse=True)[:k]
    places = merged([Found(one, one) for one in found], planted, k)
    union = sorted([*corpus, *planted], reverse=True)[:k]
    assert [place.score for place in places] == union
    assert len({(place.planted, place.number) for place in places}) == len(places)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(-1, 1)), min_size=1, max_size=8), COSINES)
def test_on_another_scale_the_retrievers_order_stands_and_scores_lie_between(
    pairs: list[tuple[float, float]], planted: list[float]
) -> None:
    pairs = sorted(pairs, reverse=True)
    found = [Found(score + 10, similarity) for score, similarity in pairs]
    places = merged(found, planted, len(found) + len(planted))
    assert [place.number for place in places if not place.planted] == list(range(len(found)))
    assert sorted(place.number for place in places if place.planted) == list(range(len(planted)))
    scores = [place.score for place in places]
    assert scores == sorted(scores, key=lambda score: -(score or 0))
    for place in places:
        if place.planted:
            before = [other for other in places[: places.index(place)] if not other.planted]
            assert len(before) == sum(
                one.similarity >= planted[place.number] for one in found if one.similarity is not None
            )


def test_without_scores_there_are_ranks_alone_and_the_unknown_stays_in_front() -> None:
    assert merged([Found(None, 0.9), Found(None, 0.1)], [0.5], 2) == [Place(False, 0, None), Place(True, 0, None)]
    assert merged([Found(3.0, None), Found(1.0, None)], [0.5], 3)[-1] == Place(True, 0, 1.0)


def test_nothing_found_leaves_the_planted_by_similarity() -> None:
    assert merged([], [0.1, 0.9], 1) == [Place(True, 1, 0.9)]


def test_among_equals_the_corpus_comes_first() -> None:
    places = merged([Found(0.5, 0.5)], [0.5, 0.5], 3)
    assert [(place.planted, place.number) for place in places] == [(False, 0), (True, 0), (True, 1)]
    assert places[0].score == pytest.approx(0.5)


def test_what_is_no_number_says_nothing_for_a_passage() -> None:
    nan = float("nan")
    found = [Found(0.9, 0.9), Found(0.5, 0.5)]
    assert [place.planted for place in merged(found, [nan], 3)] == [False, False, True]
    assert [place.number for place in merged(found, [nan, 0.7], 4) if place.planted] == [1, 0]
    assert [place.planted for place in merged([Found(12.0, nan), Found(8.0, 0.5)], [0.7], 3)] == [False, True, False]
