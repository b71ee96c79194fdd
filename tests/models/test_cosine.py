"""Scores from the similarity of vectors."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tamis.core.content import Content
from tamis.core.errors import BadSetting, MediaBroken
from tamis.core.image import Image
from tamis.models import SCORERS
from tamis.models.cosine import EmbeddingScorer
from tamis.models.embedder import Role
from tamis.testing import FakeEmbedder


def test_the_nearest_passage_scores_highest_and_the_same_text_at_the_most() -> None:
    scorer = EmbeddingScorer(embedder=FakeEmbedder(), slope=10, even_odds=0.5)
    same, near, far = (
        score or 0.0
        for score in scorer.score(Content("red bus"), [Content("red bus"), Content("red car"), Content("boat")])
    )
    assert same == pytest.approx(5.0, abs=1e-5)
    assert same > near > far


def test_nothing_to_compare_is_none() -> None:
    scorer = EmbeddingScorer(embedder=FakeEmbedder())
    assert scorer.score(Content("bus"), [Content()]) == [None]
    assert scorer.score(Content(), [Content("bus")]) == [None]
    assert scorer.score(Content("bus"), []) == []


def test_a_slope_that_would_turn_the_order_round_is_refused() -> None:
    with pytest.raises(BadSetting, match="slope"):
        EmbeddingScorer(embedder=FakeEmbedder(), slope=-1)


def test_it_is_written_as_json() -> None:
    scorer = EmbeddingScorer(embedder=FakeEmbedder(), slope=3.0)
    assert SCORERS.build(SCORERS.spec(scorer)) == scorer


@pytest.mark.parametrize(
    "settings",
    [{"slope": "x"}, {"slope": float("nan")}, {"slope": float("inf")}, {"even_odds": "x"}, {"even_odds": float("nan")}],
)
def test_what_is_no_number_is_refused_when_set(settings: dict[str, Any]) -> None:
    with pytest.raises(BadSetting, match=next(iter(settings))):
        EmbeddingScorer(embedder=FakeEmbedder(), **settings)


@dataclass(frozen=True)
class Seeing:
    """An embedder for images of which those that say "broken" cannot be opened; counts its calls."""

    name: str = "seeing"
    dimensions: int = 2
    modalities: frozenset[str] = frozenset({"text", "image"})
    calls: list[int] = field(default_factory=list)

    def embed(self, contents: Sequence[Content], role: Role = "passage") -> NDArray[np.float32]:
        self.calls.append(len(contents))
        if any(image.data == b"broken" for content in contents for image in content.images):
            raise MediaBroken("an image is broken")
        return np.array([[1.0, 0.0] if "bus" in content.text else [0.0, 1.0] for content in contents], np.float32)


def pictured(text: str, data: bytes) -> Content:
    return Content(text, (Image(data=data),))


def test_an_image_that_cannot_be_opened_costs_its_own_passage_only() -> None:
    embedder = Seeing()
    passages = [Content("boat")] * 64
    passages[5] = pictured("bus", b"broken")
    passages[9] = pictured("bus", b"fine")
    scores = EmbeddingScorer(embedder=embedder, slope=10, even_odds=0.5).score(Content("bus"), passages)
    assert [i for i, score in enumerate(scores) if score is None] == [5]
    assert [i for i, score in enumerate(scores) if score == 5.0] == [9]
    # Found by halves, so that the others stay in batches.
    assert len(embedder.calls) < 16


def test_a_query_whose_image_cannot_be_opened_is_an_error() -> None:
    with pytest.raises(MediaBroken):
        EmbeddingScorer(embedder=Seeing()).score(pictured("bus", b"broken"), [Content("boat")])
