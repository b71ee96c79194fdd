"""What counts as a repetition of the question."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.models.echoes import is_echo

QUESTION = "who wrote the opera about the flying ship?"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{QUESTION} Maria Quendel did.", True),
        ("WHO WROTE the opera, about the flying ship: Maria Quendel did.", True),
        ("Answer to who wrote the opera about the flying kite", True),  # seven of its eight words in one piece
        ("who wrote the opera about ships", False),  # five of its eight words
        ("who wrote, in Vienna, the opera about the flying ship", False),  # all of them, in two pieces
        ("The opera about the flying ship: who wrote it?", False),
        ("The Flying Dutchman is an opera by Richard Wagner.", False),
        ("", False),
    ],
)
def test_four_fifths_of_the_question_in_one_piece(text: str, expected: bool) -> None:
    assert is_echo(text, QUESTION) is expected


@pytest.mark.parametrize("query", ["", "???", "bus", "the red bus"])
def test_a_short_query_has_no_echo(query: str) -> None:
    assert not is_echo(f"{query} is here", query)


@given(st.lists(st.sampled_from("abcd"), max_size=14), st.lists(st.sampled_from("abcd"), min_size=4, max_size=8))
def test_it_is_whether_a_run_of_that_many_words_stands_in_the_text(spoken: list[str], asked: list[str]) -> None:
    need = max(4, -(-len(asked) * 4 // 5))
    runs = [asked[at : at + need] for at in range(len(asked) - need + 1)]
    expected = any(spoken[at : at + need] in runs for at in range(len(spoken)))
    assert is_echo(" ".join(spoken), " ".join(asked)) is expected


def test_pieces_of_long_texts() -> None:
    words = [f"w{i}" for i in range(15_000)]
    asked = " ".join(words)
    assert is_echo(" ".join(words[2_000:-500]), asked)
    assert is_echo(" ".join([*words[:10], *words[2_000:-1_000]]), asked)
    assert not is_echo(" ".join(words[2_000:-1_001]), asked)
    assert not is_echo("a " * 20_000 + "b", "a b " * 10_000)


def test_long_texts_take_time_in_proportion() -> None:
    words = [f"w{i}" for i in range(50_000)]
    began = time.perf_counter()
    assert not is_echo(" ".join(reversed(words)), " ".join(words))
    # A tenth of a second; half a minute where every word or piece is looked for in the whole text.
    assert time.perf_counter() - began < 5
