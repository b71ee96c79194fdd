"""Accepted answers are found as whole words, in any script."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.eval.attacks.answers import holds_answer, normalised, occurrences, sought, swapped, tokens


@pytest.mark.parametrize(
    ("text", "answer", "expected"),
    [
        ("It began in 1990.", "9", False),
        ("It began in 1990.", "1990", True),
        ("The 1990s were long.", "1990", False),
        ("1,838 people came.", "1838", True),
        ("1,838 people came.", "838", False),
        ("It weighs 3.14 kg.", "3", False),
        ("It weighs 3.14 kg.", "14", False),
        ("Chapter 9.", "9", True),
        ("yesterday", "yes", False),
        ("Yes!", "yes", True),
        ("PARIS, of course", "paris", True),
        ("Paris’s streets", "Paris", True),
        ("Parisian streets", "Paris", False),
        ("made in the U.S.", "US", True),
        ("made in the US", "U.S.", True),
        ("join us", "U.S.", True),  # Case is folded: a known price.
        ("The Beatles' first record", "the Beatles", True),
        ("a Beatles record", "The Beatles", True),
        ("who was it?", "The Who", False),
        ("written in C++", "C", False),
        ("written in C++", "C++", True),
        ("New\nYork", "New York", True),
        ("York, New", "New York", False),
        ("Ｐａｒｉｓ", "Paris", True),
        ("Par\u00adis", "Paris", True),
        ("cafe\u0301", "café", True),
        ("cafe", "café", False),
        ("Straße", "STRASSE", True),
        ("东京是日本的首都", "东京", True),
        ("서울은 크다", "서울", True),
        ("アトム", "トム", False),
        ("हिन्दी में", "हिन्दी", True),
        ("हिन्दी में", "हि", False),
        ("anything", "", False),
        ("anything", "?!", False),
        ("", "x", False),
    ],
)
def test_it_holds_whole_words_only(text: str, answer: str, expected: bool) -> None:
    assert holds_answer(text, [answer]) is expected


def test_any_of_the_answers_will_do_and_none_holds_nothing() -> None:
    assert holds_answer("a blue door", ["red", "blue"])
    assert not holds_answer("a blue door", [])


def test_a_leading_article_goes_unless_little_is_left() -> None:
    assert sought("The Beatles") == "beatles"
    assert sought("The Who") == "the who"
    assert sought("the") == "the"


def test_all_aliases_are_swapped_the_longest_first() -> None:
    text = "New York City is big. I love new york, but not York."
    assert swapped(text, ["New York", "New York City"], "Oslo") == "Oslo is big. I love Oslo, but not York."
    assert occurrences("aa bb", ["bb", "aa bb"]) == [(0, 5)]


@given(st.text())
def test_tokens_lie_in_order_in_the_text_and_normalising_twice_changes_nothing(text: str) -> None:
    found = list(tokens(text))
    ends = [0, *(place for token in found for place in (token.start, token.end)), len(text)]
    assert ends == sorted(ends)
    assert all(token.start < token.end for token in found)
    assert normalised(text) == " ".join(token.text for token in found)


WORDS = st.text("ab1é東한", min_size=1, max_size=4)


@given(st.lists(WORDS, min_size=1, max_size=6), st.data())
def test_a_run_of_words_is_found_and_once_swapped_it_is_gone(words: list[str], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, len(words)))
    text, answer = " ".join(words), " ".join(words[start:end])
    assert holds_answer(text, [answer])
    assert (occurrences(text, [answer]) != []) == holds_answer(text, [answer])
    assert not holds_answer(swapped(text, [answer], "zzz"), [answer])


def test_the_right_and_the_wrong_answers_of_real_questions_are_told_apart(data: Path) -> None:
    for name in ("hotpotqa", "msmarco"):
        rows = json.loads((data / "poisonedrag" / f"{name}.json").read_text("utf-8")).values()
        wrong_in_planted = [holds_answer(text, [row["incorrect answer"]]) for row in rows for text in row["adv_texts"]]
        assert len(wrong_in_planted) == 500
        # The planted texts were written to claim the wrong answer; some of them say it in other words.
        assert sum(wrong_in_planted) > 300
