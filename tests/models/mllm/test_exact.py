"""Scores are those of the plain way: one pair a pass, no cache, the whole vocabulary's logits."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tamis.core.content import Content
from tamis.core.image import Image
from tamis.models.counting import counted
from tamis.models.mllm import TransformersScorer

VISUAL = ("qwen2-vl", "qwen2.5-vl", "qwen3-vl", "llava", "idefics3", "smolvlm")
PLAIN, CACHED = 1e-4, 1e-3


@pytest.fixture
def passages(picture: Callable[..., Image]) -> list[Content]:
    return [
        Content("a red bus stands in front of the old station"),
        Content("", (picture(1, 120, 90),)),
        Content("a caption of one line", (picture(2, 200, 60),)),
        Content("two pictures", (picture(1, 120, 90), picture(3, 60, 130))),
        Content("The tower is 330 metres high. " * 12),
        Content("", (picture(4, 31, 250),)),
    ]


@pytest.fixture
def queries(picture: Callable[..., Image]) -> list[Content]:
    return [
        Content("which colour is the bus?"),
        Content("", (picture(5, 100, 100),)),
        Content("like this, but green", (picture(6, 70, 140),)),
    ]


@pytest.mark.parametrize("family", VISUAL)
@pytest.mark.parametrize("template", ["tamis", "qwen3-vl-reranker"])
def test_text_images_and_both_score_as_the_plain_way(
    family: str, template: str, passages: Any, queries: Any, checkpoint: Any, reference: Any
) -> None:
    scorer = TransformersScorer(checkpoint(family), template)
    uncached = TransformersScorer(checkpoint(family), template, kv_cache=0, vision_cache=0, pixel_cache=0)
    for query in queries:
        expected = [reference(family).log_odds(query, passage, template) for passage in passages]
        assert max(expected) - min(expected) > 0.05
        assert uncached.score(query, passages) == pytest.approx(expected, abs=PLAIN)
        assert scorer.score(query, passages) == pytest.approx(expected, abs=CACHED)
        with counted() as counts:
            assert scorer.score(query, passages) == pytest.approx(expected, abs=CACHED)
        assert counts.to_dict()["kv_hits"] == len(passages)


@pytest.mark.parametrize("template", ["tamis", "qwen3-reranker"])
def test_a_model_of_text_alone_scores_as_the_plain_way(template: str, checkpoint: Any, reference: Any) -> None:
    passages = [Content("a red bus"), Content("salt and flour " * 20), Content("x")]
    scorer = TransformersScorer(checkpoint("qwen3"), template)
    for query in (Content("which colour?"), Content("what is in the bread?")):
        expected = [reference("qwen3").log_odds(query, passage, template) for passage in passages]
        assert scorer.score(query, passages) == pytest.approx(expected, abs=CACHED)
        assert scorer.score(query, passages) == pytest.approx(expected, abs=CACHED)


@pytest.mark.parametrize("family", VISUAL)
def test_scores_do_not_depend_on_the_batch_or_the_order(
    family: str, passages: Any, queries: Any, checkpoint: Any
) -> None:
    one_by_one = TransformersScorer(checkpoint(family), kv_cache=0, token_budget=1)
    together = TransformersScorer(checkpoint(family), kv_cache=0, token_budget=100_000)
    together.load().engine.overhead = 10**6
    query = queries[2]
    alone = [one_by_one.score(query, [passage])[0] for passage in passages]
    assert together.score(query, passages) == pytest.approx(alone, abs=1e-4)
    assert together.score(query, passages[::-1]) == pytest.approx(alone[::-1], abs=1e-4)


def test_a_passage_that_comes_twice_is_computed_once(checkpoint: Any, picture: Any) -> None:
    scorer = TransformersScorer(checkpoint("qwen2-vl"), kv_cache=0)
    passage = Content("twice", (picture(1),))
    alone = scorer.score(Content("q"), [passage])
    with counted() as counts:
        assert scorer.score(Content("q"), [passage, Content("other"), passage]) == pytest.approx(
            [alone[0], scorer.score(Content("q"), [Content("other")])[0], alone[0]], abs=1e-4
        )
    assert counts.to_dict()["pairs"] == 4


@pytest.mark.parametrize(("dtype", "within"), [("bfloat16", 0.3), ("float16", 0.05)])
def test_half_precision_stays_close(
    dtype: str, within: float, passages: Any, queries: Any, checkpoint: Any, reference: Any
) -> None:
    scorer = TransformersScorer(checkpoint("qwen2-vl"), dtype=dtype)
    expected = [reference("qwen2-vl").log_odds(queries[0], passage) for passage in passages]
    for _ in range(2):
        assert scorer.score(queries[0], passages) == pytest.approx(expected, abs=within)
    prefixes = scorer.load().engine.prefixes
    assert prefixes.held > 0
    assert scorer.load().checkpoint.model.dtype.itemsize == 2


def test_async_gives_the_same(checkpoint: Any, passages: Any, queries: Any) -> None:
    scorer = TransformersScorer(checkpoint("qwen2-vl"))
    assert asyncio.run(scorer.ascore(queries[0], passages)) == pytest.approx(
        scorer.score(queries[0], passages), abs=1e-3
    )
