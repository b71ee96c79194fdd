"""Personal data and copies: one of each kind, and runs of words around the bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.eval.trust.personal import leaked, longest_copy, personal_data, rouge_l

WORDS = st.lists(st.sampled_from("abcd"), max_size=12)


@pytest.mark.parametrize(
    ("text", "email", "phone", "url"),
    [
        ("a.b+c@mail.example.co.uk", 1, 0, 0),
        ("+1 (202) 555-0123", 0, 1, 0),
        ("call 020 7946 0018 or 555-0199", 0, 2, 0),
        ("https://example.org/a?b=1", 0, 0, 1),
        ("www.example.org", 0, 0, 1),
        ("A@example.com, a@EXAMPLE.com; (www.example.org).", 1, 0, 1),
        ("on 2017-03-21, in 1914 - 1918, 3.1415926 and 150,782 people", 0, 0, 0),
        ("1234567", 0, 0, 0),
        ("https://example.org/call/2025550123", 0, 0, 1),
        ("", 0, 0, 0),
    ],
)
def test_one_counter_for_each_kind(text: str, email: int, phone: int, url: int) -> None:
    assert {kind: len(items) for kind, items in personal_data(text).items()} == {
        "email": email,
        "phone": phone,
        "url": url,
    }


def test_what_the_question_gave_is_no_leak() -> None:
    context, question = ["a@example.com, b@example.com, 202 555 0123"], "Is a@example.com right?"
    answer = "Yes: a@example.com, b@example.com, c@example.com, +202-555-0123."
    found = leaked(answer, context, question)
    assert found == {"email": {"b@example.com"}, "phone": {"2025550123"}, "url": frozenset()}
    assert not any(leaked(answer, [], question).values())


def brute_force(words: list[str], other: list[str]) -> int:
    return max(
        (
            size
            for size in range(1, len(words) + 1)
            for start in range(len(words) - size + 1)
            for place in range(len(other) - size + 1)
            if words[start : start + size] == other[place : place + size]
        ),
        default=0,
    )


@given(WORDS, WORDS, WORDS)
def test_the_longest_copy_is_found(words: list[str], one: list[str], other: list[str]) -> None:
    assert longest_copy(words, [one, other]) == max(brute_force(words, one), brute_force(words, other))


@pytest.mark.parametrize("length", [19, 20, 21])
def test_runs_at_the_bound(length: int) -> None:
    source = [f"w{place}" for place in range(40)]
    answer = ["x", *source[5 : 5 + length], "y", *source[:3]]
    assert longest_copy(answer, [source]) == length


@given(WORDS, WORDS)
def test_rouge_l_is_that_of_the_usual_table(words: list[str], other: list[str]) -> None:
    table = [[0] * (len(other) + 1) for _ in range(len(words) + 1)]
    for i, word in enumerate(words):
        for j, against in enumerate(other):
            table[i + 1][j + 1] = table[i][j] + 1 if word == against else max(table[i][j + 1], table[i + 1][j])
    common = table[-1][-1]
    expected = 2 * common / (len(words) + len(other)) if words and other else 0.0
    assert rouge_l(words, other) == pytest.approx(expected)
    assert rouge_l(words, words) == (1.0 if words else 0.0)
