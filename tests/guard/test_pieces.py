"""The sentences of a text that comes in chunks are those of the whole text, and come as soon as they are settled."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tamis.guard import Piece, Pieces
from tamis.models.sentences import sentences

# What makes sentences hard to tell: each is decided by what stands before or behind it.
HARD = (
    *("Dr. ", "He said ", "“No.” ", "3.5", "3. ", "e.g. ", "U.S. ", "The ", "end", ".", "!", "?", "…", "...", "?!"),
    *(
        "\n",
        "\n\n",
        " ",
        "  ",
        "\t",
        "\u2028",
        "[1]",
        " [1, 2]",
        "[",
        "]",
        "他来了。",
        "」",
        "と",
        "）",
        "é",
        "👍🏽",
        "e\u0301",
    ),
    *("- item", "1. ", "2) ", "a) ", "# T", "|", "A", "b", "no. ", "p. 5", '"', ")", "*", "x" * 55, "mar. ", "etc. "),
    *("Paris.The tower", "node.Js ", "¿Qué? ", "\r\n"),
)
texts = st.lists(st.one_of(st.sampled_from(HARD), st.text(max_size=4)), max_size=25).map("".join)


def in_chunks(text: str, sizes: list[int]) -> list[Piece]:
    pieces, found, at = Pieces(), [], 0
    for size in sizes:
        found += pieces.feed(text[at : at + size])
        at += size
    found += pieces.feed(text[at:])
    return found + pieces.end()


def of_whole(text: str) -> list[str]:
    return [text[begin:end] for begin, end in sentences(text)]


@settings(max_examples=600)
@given(text=texts, sizes=st.lists(st.integers(0, 9), max_size=60))
@example(text="\n\n3. \n\n  1. \n\n" + "x" * 55 + "Paris.The tower", sizes=[1] * 60)
@example(text="\n - … `\ne", sizes=[1] * 8)
@example(text="node.Js # T\u2028[1] mar. 2) \n\n\u20281.  [1, 2]) [1, 2].", sizes=[2] * 30)
def test_any_chunking_gives_the_sentences_of_the_whole_text(text: str, sizes: list[int]) -> None:
    found = in_chunks(text, sizes)
    assert [piece.text for piece in found if piece.text] == of_whole(text)


@given(text=texts, sizes=st.lists(st.integers(0, 9), max_size=60))
def test_the_pieces_together_are_the_text(text: str, sizes: list[int]) -> None:
    found = in_chunks(text, sizes)
    assert "".join(piece.lead + piece.text for piece in found) == text
    assert all(not piece.lead.strip() and piece.text == piece.text.strip() for piece in found)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("The bus is red. It ", "The bus is red."),
        ("The bus is red.\n", "The bus is red."),
        ("It costs 3.5 euros. [2] The ", "It costs 3.5 euros. [2]"),
        ("它很快。它", "它很快。"),
        ("A heading\n\n", "A heading"),
        ("“Why?” Nobody ", "“Why?”"),
    ],
)
def test_a_sentence_is_given_as_soon_as_nothing_can_change_it(text: str, sentence: str) -> None:
    pieces = Pieces()
    early = [piece for character in text[:-1] for piece in pieces.feed(character)]
    assert early == []
    assert [piece.text for piece in pieces.feed(text[-1])] == [sentence]


@pytest.mark.parametrize("text", ["Dr. ", "It costs 3.", "in the U.S. Army ", "1. ", "He left [1", "The end."])
def test_a_sentence_that_may_go_on_is_held_back(text: str) -> None:
    assert Pieces().feed(text) == []


def test_pieces_can_be_used_again_after_the_end() -> None:
    pieces = Pieces()
    assert pieces.feed("One") == []
    assert pieces.end() == [Piece("", "One")]
    assert pieces.end() == []
    pieces.feed(" Two.")
    assert pieces.end() == [Piece(" ", "Two.")]


@pytest.mark.parametrize(
    "text", ["The bus is red and leaves at nine. " * 1_500, "word " * 30_000, "e.g. " * 12_000, "a.b" * 30_000]
)
def test_time_grows_with_the_length_of_the_text(text: str) -> None:
    """Twice the text takes some twice the time, whatever it is made of; the quadratic way takes four times."""

    def seconds(part: str) -> float:
        start = time.process_time()
        in_chunks(part, [7] * (len(part) // 7))
        return time.process_time() - start

    half = min(seconds(text[: len(text) // 2]) for _ in range(2))
    assert min(seconds(text) for _ in range(2)) < 3.2 * half + 0.05
