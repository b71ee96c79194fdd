"""Scores from the similarity of vectors."""

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.models import SCORERS
from tamis.models.cosine import EmbeddingScorer
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
