"""Sentences: nothing is lost, and what only looks like an end is none."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.models.sentences import Span, sentences


def cut(text: str) -> list[str]:
    return [text[begin:end] for begin, end in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Smith met Mr. Lee, e.g. in May. They talked.", ["Dr. Smith met Mr. Lee, e.g. in May.", "They talked."]),
        ("J. R. R. Tolkien wrote it. Vitamin C. It helps.", ["J. R. R. Tolkien wrote it.", "Vitamin C.", "It helps."]),
        ("He lives in the U.S. The army came at 5 p.m. on Monday.",
         ["He lives in the U.S.", "The army came at 5 p.m. on Monday."]),
        ("It costs 3.50. See Fig. 3 and No. 5.", ["It costs 3.50.", "See Fig. 3 and No. 5."]),
        ('He said "Stop!" and left. "Yes." He went.', ['He said "Stop!" and left.', '"Yes."', "He went."]),
        ("One fact [1][2]. Another. [3] A third.", ["One fact [1][2].", "Another. [3]", "A third."]),
        ("Things:\n1. The first\n2. The second.\n- a dot\n\nAfter.",
         ["Things:", "1. The first", "2. The second.", "- a dot", "After."]),
        ("A line that was broken because the page is no wider than\nThis sentence is. Next.",
         ["A line that was broken because the page is no wider than\nThis sentence is.", "Next."]),
        ("in Philadelphia.First for Women is a magazine.", ["in Philadelphia.", "First for Women is a magazine."]),
        ("他来了。她走了！真的？", ["他来了。", "她走了！", "真的？"]),
        ("「いい。」と言った。次。", ["「いい。」と言った。", "次。"]),
        ("यह है। वह है।", ["यह है।", "वह है।"]),
        ("Wait... and then. Really?! Yes", ["Wait... and then.", "Really?!", "Yes"]),
        ("Go to example.com. Run node.js now.", ["Go to example.com.", "Run node.js now."]),
        ("", []),
        (" \n ", []),
        ("no end", ["no end"]),
    ],
)  # fmt: skip
def test_where_sentences_end(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


@given(st.text(alphabet=st.sampled_from("aB. !?\n\"')]1[。」,-  Mr."), max_size=80))
def test_every_visible_character_is_in_exactly_one_sentence(text: str) -> None:
    spans = sentences(text)
    assert "".join("".join(text[begin:end].split()) for begin, end in spans) == "".join(text.split())
    assert all(one.end <= other.begin for one, other in pairwise(spans))
    assert all(text[begin:end] == text[begin:end].strip() != "" for begin, end in spans)


@pytest.mark.parametrize("piece", ["Mr. Smith came. ", ".", "\n", "[1]", "1. ", "a.A ", '"'])
def test_time_grows_with_the_length_and_no_faster(piece: str) -> None:
    def spent(count: int) -> float:
        start = time.process_time()
        sentences(piece * count)
        return time.process_time() - start

    assert spent(10_000) < 40 * max(spent(1_000), 0.01)


def test_a_span_is_a_slice() -> None:
    assert sentences("It rains. Stay in!") == [Span(0, 9), Span(10, 18)]
