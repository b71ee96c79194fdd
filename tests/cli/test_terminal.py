"""What other people's words may do to a terminal: nothing."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.commands.terminal import one_line, plain, print_json


def test_colours_titles_bells_and_overrides_become_visible() -> None:
    assert plain("\x1b[31mred\x1b]0;title\x07 \x9b2J \u202egnp.exe \r") == (
        "\\x1b[31mred\\x1b]0;title\\x07 \\x9b2J \\u202egnp.exe \\r"
    )


@given(st.text())
def test_no_control_or_invisible_character_comes_through(text: str) -> None:
    left = {unicodedata.category(character) for character in plain(text) if character not in "\n\t\u200c\u200d"}
    assert not left & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert plain(text) == text


@given(st.text(), st.integers(min_value=2, max_value=50))
def test_a_preview_is_one_line(text: str, length: int) -> None:
    assert "\n" not in one_line(text, length)


def test_json_with_half_a_surrogate_pair_is_still_json(capsys: pytest.CaptureFixture[str]) -> None:
    import json

    print_json({"text": "a\ud800b"})
    assert json.loads(capsys.readouterr().out) == {"text": "a\ud800b"}
