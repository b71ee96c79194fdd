"""Sentences that are the text, and where they end in text without spaces."""

from hypothesis import given
from hypothesis import strategies as st

from tamis.indexing.sentences import LONGEST_RUN, sentences


@given(st.lists(st.sampled_from(["a", "!", "?", ".", "(", " ", "\n", "!?" * 150, "a." * 150, "x" * 250])).map("".join))
def test_sentences_together_are_the_text(text: str) -> None:
    # NLTK leaves out white space before the first sentence of what it is given.
    assert "".join(sentences()(text)).split() == text.split()


def test_ordinary_text_is_cut_as_by_nltk() -> None:
    assert sentences()("Wait! Is it (so far) fine? It is.") == ["Wait! ", "Is it (so far) fine? ", "It is."]


def test_long_runs_end_at_marks_and_no_sentence_of_them_is_long() -> None:
    found = sentences()("f(a)!(b)?(c)" * 10_000)
    assert max(map(len, found)) <= LONGEST_RUN + 12
    assert all(sentence[-1] in "!?" for sentence in found[:-1])
