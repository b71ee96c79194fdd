"""The SS3 screen: streamed reading equals reading at once, it stops early, explains itself, and knows its limits."""

import json
import pickle
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting
from tamis.models.screen import Screen
from tamis.models.screens import Example, Ss3Screen, Trained, train_screen
from tamis.models.screens.ss3 import hash_of

SMALL = Ss3Screen(
    values={hash_of(term, "07"): value for term, value in {"zorblat": 2.0, "bread": -1.0, "no zorblat": -2.5}.items()},
    slope=2.0,
    offset=-1.0,
    window=4,
    salt="07",
)
TEXT = "We bake bread. Who likes a zorblat? Nobody, and no zorblat here. 3.5 loaves of bread\nzorblat zorblat"


def test_a_text_by_hand() -> None:
    [found] = SMALL.screen([Content("a zorblat.")])
    # 1 / (1 + exp(-(2 * 2 - 1)))
    assert found.harmful == pytest.approx(0.952574, abs=1e-6)
    assert found.spans == ((2, 9, 4.0),)
    [negated] = SMALL.screen([Content("no zorblat")])
    assert negated.harmful == pytest.approx(0.119203, abs=1e-6)
    assert negated.spans == ((0, 10, -5.0), (3, 10, 4.0))


def test_it_is_a_screen() -> None:
    assert isinstance(SMALL, Screen)


@given(st.lists(st.integers(0, len(TEXT)), max_size=12), st.booleans())
def test_reading_in_pieces_equals_reading_at_once(cuts: list[int], stops: bool) -> None:
    [whole] = SMALL.screen([Content(TEXT)])
    reader = SMALL.reader(stops=stops)
    places = [0, *sorted(cuts), len(TEXT)]
    for begin, end in pairwise(places):
        reader.read(TEXT[begin:end])
    found = reader.finish()
    assert found.harmful is not None
    assert whole.harmful is not None
    assert (found.harmful >= SMALL.threshold) == (whole.harmful >= SMALL.threshold)
    if not stops:
        assert found == whole


def test_it_stops_as_soon_as_it_is_sure() -> None:
    text = "a zorblat. " + "more of this and that. " * 50
    reader = SMALL.reader()
    for piece in text.split(" "):
        reader.read(piece + " ")
    assert reader.is_sure
    assert reader.words_read == 2
    whole = SMALL.reader(stops=False)
    whole.read(text)
    assert whole.finish().harmful == reader.finish().harmful
    assert whole.words_read == 252


def test_a_long_harmless_text_does_not_add_up() -> None:
    mild = replace(SMALL, values={hash_of("edge", "07"): 0.2}, offset=-2.0)
    short, long = mild.screen([Content("the edge of it."), Content("the edge of it. " * 5_000)])
    assert short.harmful == pytest.approx(long.harmful)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no text"),
        (" \n", "no text"),
        ("...", "no text"),
        ("слова другого письма", "CYRILLIC"),
        ("unheard of", "no word of it"),
    ],
)
def test_what_it_cannot_judge_is_none_with_a_reason(text: str, reason: str) -> None:
    [found] = SMALL.screen([Content(text)])
    assert found.harmful is None
    assert reason in found.reason


def test_trained_screen_finds_what_it_was_shown_and_names_its_category(trained: Trained) -> None:
    harmful, harmless = trained.screen.screen([Content("make my zorblat today."), Content("make my bread with music.")])
    assert harmful.harmful is not None
    assert harmless.harmful is not None
    assert harmful.harmful >= trained.screen.threshold > harmless.harmful
    assert harmful.category == "first kind"
    assert harmless.category is None
    begin, end, weight = harmful.spans[0]
    assert "make my zorblat today."[begin:end] == "zorblat"
    assert weight > 0


def test_the_file_holds_no_word_and_comes_back_the_same(trained: Trained) -> None:
    written = json.dumps(trained.screen.to_dict())
    assert not any(word in written for word in ("zorblat", "quendle", "garden", "bread"))
    again = Ss3Screen.of(json.loads(written))
    assert again == trained.screen
    assert pickle.loads(pickle.dumps(again)) == again  # noqa: S301 - our own bytes


def test_same_examples_and_seed_give_the_same_screen(examples: list[Example], trained: Trained) -> None:
    assert train_screen(examples, "ss3").screen == trained.screen


@pytest.mark.parametrize(
    "spoilt",
    [
        {"values": {"zz": 1.0}},
        {"values": {"00": float("nan")}},
        {"values": []},
        {"threshold": "high"},
        {"calibration": {"slope": -1.0, "offset": 0.0}},
        {"window": 0},
        {"category_values": {"00": [1.0]}},
    ],
)
def test_a_spoilt_file_is_refused(spoilt: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        Ss3Screen.of({**SMALL.to_dict(), **spoilt})


def test_settings_outside_their_range_are_refused() -> None:
    with pytest.raises(BadSetting, match="threshold"):
        replace(SMALL, threshold=1.5)
