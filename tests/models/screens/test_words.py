"""Words, their places and what they count as; the script of a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.models.screens.scripts import script_of
from tamis.models.screens.words import folded, words


@given(st.text(alphabet=st.characters(), max_size=60))
def test_places_are_in_order_and_hold_the_word(text: str) -> None:
    end = 0
    for word in words(text):
        assert end <= word.begin < word.end <= len(text)
        assert folded(text[word.begin : word.end]) == word.term
        end = word.end


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Z0RBLAT", "zorblat"),
        ("z0rbl4t", "zorblat"),
        ("zor\u200bblat", "zorblat"),
        ("ｚｏｒｂｌａｔ", "zorblat"),
        ("zörblat", "zorblat"),
        ("z*rbl@t", "zrblat"),
        ("2024", "2024"),
    ],
)
def test_spelling_tricks_are_folded(written: str, meant: str) -> None:
    assert [word.term for word in words(f"a {written} b")] == ["a", meant, "b"]


def test_sentences_end_and_decimals_do_not() -> None:
    assert [word.term for word in words("It is 3.5 metres. So what?\nNo") if word.ends] == ["metres", "what", "no"]


def test_scripts_without_spaces_are_read_by_character() -> None:
    assert [word.term for word in words("東京へ。go")] == ["東", "京", "へ", "go"]
    assert [word.ends for word in words("東京へ。go")] == [False, False, True, True]


def test_script_is_that_of_most_letters() -> None:
    assert script_of("mostly English, один") == "LATIN"
    assert script_of("одно слово word") == "CYRILLIC"
    assert script_of("12 34 !") is None
