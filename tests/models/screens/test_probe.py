"""The probe: pieces of long texts, what it cannot read, and which words moved it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.models.screens import ProbeScreen
from tamis.models.screens.probe import PIECE, pieces_of
from tamis.models.screens.words import words
from tamis.testing import FakeEmbedder

EMBEDDER = FakeEmbedder()


def probe(word: str = "zorblat", **settings: object) -> ProbeScreen:
    direction = EMBEDDER.embed([Content(word)])[0]
    return ProbeScreen(tuple((12 * direction).tolist()), -4.0, embedder=EMBEDDER, **settings)  # type: ignore[arg-type]


def test_harm_at_the_end_of_a_long_text_is_seen() -> None:
    screen = probe()
    text = "Bread and music by the river. " * 200 + "zorblat zorblat zorblat."
    harmful, harmless = screen.screen([Content(text), Content("Bread and music by the river. " * 200)])
    assert harmful.harmful is not None
    assert harmless.harmful is not None
    assert harmful.harmful > 0.5 > harmless.harmful
    [(begin, end, weight)] = harmful.spans
    assert "zorblat" in text[begin:end]
    assert end - begin < 500
    assert weight > 0


def test_words_are_weighed_by_leaving_them_out() -> None:
    text = "zorblat for bread"
    [found] = probe(explain=True).screen([Content(text)])
    begin, end, weight = found.spans[0]
    assert text[begin:end] == "zorblat"
    assert weight > 0


@pytest.mark.parametrize(("text", "reason"), [("", "no text"), ("?!", "no word"), ("другие слова", "CYRILLIC")])
def test_what_it_cannot_judge_is_none_with_a_reason(text: str, reason: str) -> None:
    unread, read = probe().screen([Content(text), Content("bread")])
    assert unread.harmful is None
    assert reason in unread.reason
    assert read.harmful is not None


def test_another_embedder_is_refused() -> None:
    with pytest.raises(BadSetting, match="64 weights"):
        ProbeScreen(tuple([0.0] * 64), 0.0, embedder=FakeEmbedder(dimensions=32))


@given(st.lists(st.sampled_from(["word", "end.", "line\n", "x,"]), max_size=300).map(" ".join))
def test_pieces_hold_every_word_once_and_none_too_many(text: str) -> None:
    pieces = pieces_of(text)
    found = [word.term for begin, end in pieces for word in words(text[begin:end])]
    assert found == [word.term for word in words(text)]
    assert all(sum(1 for _ in words(text[begin:end])) <= PIECE for begin, end in pieces)
