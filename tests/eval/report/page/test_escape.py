"""What cannot be seen is named; everything else stays."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.eval.report.page.escape import cut, revealed

# Lone surrogates too: they come out of damaged files.
ANY = st.text(st.characters(exclude_categories=()))


@given(ANY)
def test_nothing_invisible_is_left(text: str) -> None:
    left = {one for one in revealed(text) if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")}
    assert left <= {"\n", "\t"}


@given(ANY)
def test_it_can_be_written_and_done_twice(text: str) -> None:
    once = revealed(text)
    once.encode("utf-8")
    assert revealed(once) == once


@given(
    st.text(st.characters(categories=("L", "Nd", "P", "S", "Zs"), exclude_characters="\u115f\u1160\u2800\u3164\uffa0"))
)
def test_ordinary_text_is_left_as_it_is(text: str) -> None:
    assert revealed(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u200bb", "a⟦U+200B⟧b"),
        ("a\u200db", "a⟦U+200D⟧b"),
        ("\u202etxt.exe", "⟦U+202E⟧txt.exe"),
        ("\x1b[31mred", "⟦U+001B⟧[31mred"),
        ("a\x00b", "a⟦U+0000⟧b"),
        ("\ud800", "⟦U+D800⟧"),
        ("i\U000e0067\U000e006e", "i⟦U+E0067⟧⟦U+E006E⟧"),
        ("fill\u3164er", "fill⟦U+3164⟧er"),
        ("v\U000e0101", "v⟦U+E0101⟧"),
        ("two\r\nlines\rand", "two\nlines⟦U+000D⟧and"),
        ("❤️ שלום é 漢", "❤️ שלום é 漢"),
    ],
)
def test_examples(text: str, shown: str) -> None:
    assert revealed(text) == shown


@given(st.text(), st.integers(0, 50))
def test_cut_text_begins_as_the_text_does(text: str, length: int) -> None:
    found = cut(text, length)
    assert found == text or (found.startswith(text[:length]) and f"{len(text):,}" in found)
