"""Terms are what both sides of a lexical match agree on."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.models.lexical import tokenize


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The ranks of ranked rankings", ["rank", "rank", "rank"]),
        ("how does it work without a key", ["work", "without", "key"]),
        ("datetime.fromisoformat()", ["datetim", "fromisoformat"]),
        ("HTTPServer", ["httpserver", "http", "server"]),
        ("snake_case_name", ["snake_case_nam", "snake", "case", "name"]),
        ("Röntgen 1901", ["röntgen", "1901"]),
        ("検索エンジンX", ["検索", "索エ", "エン", "ンジ", "ジン", "x"]),
        ("", []),
        ("?!", []),
        ("what is the", []),
    ],
)
def test_terms_of_known_texts(text: str, terms: list[str]) -> None:
    assert tokenize(text) == terms


def test_a_run_of_base64_gives_no_term_of_its_own() -> None:
    assert tokenize("x" * 5_000 + " tail") == ["tail"]


@given(st.text())
def test_any_text_gives_non_empty_terms_and_twice_the_same(text: str) -> None:
    terms = tokenize(text)
    assert all(terms)
    assert tokenize(text) == terms


@given(st.text(), st.text())
def test_a_text_beside_another_keeps_its_terms(left: str, right: str) -> None:
    assert tokenize(f"{left}\n{right}") == tokenize(left) + tokenize(right)


@pytest.mark.parametrize("text", ["Übergröße", "Điện Biên Phủ", "ガラス", "한국어"])
def test_letters_and_marks_written_apart_are_the_same_words(text: str) -> None:
    assert tokenize(unicodedata.normalize("NFD", text)) == tokenize(text) != []


def test_a_long_run_without_spaces_has_its_terms_and_a_long_word_none() -> None:
    assert len(tokenize("東京都" * 100)) == 299
    assert tokenize("a" * 129) == []
    assert tokenize("a" * 129 + "東京" + "b" * 129) == ["東京"]
