"""Terms are what both sides of a lexical match agree on."""

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
