"""An embedder that remembers gives what the other gives, and asks it no more often than it must."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.guard.remembering import RememberingEmbedder
from tamis.testing import FakeEmbedder


class Counting(FakeEmbedder):
    """Counts what it is asked for."""

    asked = 0

    def embed(self, contents: Sequence[Content], role: Any = "passage") -> Any:
        type(self).asked += len(contents)
        return super().embed(contents, role)


@given(st.lists(st.lists(st.sampled_from(["a bus", "a cat", "the moon", "a boat"]), max_size=6), max_size=6))
def test_it_gives_the_others_vectors_whatever_it_has_forgotten(calls: list[list[str]]) -> None:
    remembering = RememberingEmbedder(FakeEmbedder(), most=2)
    for texts in calls:
        contents = [Content(text) for text in texts]
        assert np.array_equal(remembering.embed(contents), FakeEmbedder().embed(contents))


def test_it_asks_once_for_what_it_remembers() -> None:
    Counting.asked = 0
    remembering = RememberingEmbedder(Counting())
    passages = [Content("a bus"), Content("a cat")]
    for sentence in ("one", "two", "three"):
        remembering.embed([Content(sentence), *passages, *passages])
    assert Counting.asked == 5
    remembering.embed(passages, "query")
    assert Counting.asked == 7
