"""What the caches remember, how much of it, and that a wrong hit cannot happen."""

import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from tamis.core.content import Content
from tamis.models.byte_lru import ByteLRU
from tamis.models.counting import counted
from tamis.models.mllm import TransformersScorer
from tamis.models.mllm.loading import Settings, load
from tamis.models.mllm.visual import VisualTokens

QUERY, OTHER = Content("which colour is the bus?"), Content("what is in the bread, and why is it there at all?")


def test_a_new_query_costs_only_its_own_tokens(checkpoint: Any, picture: Any, reference: Any) -> None:
    scorer = TransformersScorer(checkpoint("qwen2-vl"))
    passages = [Content("a bus", (picture(n, 140, 140),)) for n in range(4)]
    with counted() as first:
        scorer.score(QUERY, passages)
    with counted() as second:
        scores = scorer.score(OTHER, passages)
    assert first.to_dict()["kv_misses"] == 4
    assert first.to_dict()["vision_misses"] == 4
    assert second.to_dict()["kv_hits"] == 4
    assert "images" not in second.to_dict(), "an image was looked at again"
    assert second.to_dict()["tokens"] * 2 < second.to_dict()["tokens_reused"]
    assert scores == pytest.approx([reference("qwen2-vl").log_odds(OTHER, p) for p in passages], abs=1e-3)


def test_images_of_one_size_are_not_mistaken_for_each_other(checkpoint: Any, picture: Any, reference: Any) -> None:
    scorer = TransformersScorer(checkpoint("qwen2-vl"))
    passages = [Content("same text", (picture(n, 80, 80),)) for n in range(3)]
    expected = [reference("qwen2-vl").log_odds(QUERY, passage) for passage in passages]
    assert len({round(score, 3) for score in expected}) == 3
    for passage, score in zip(passages, expected, strict=True):
        assert scorer.score(QUERY, [passage]) == pytest.approx([score], abs=1e-3)
    assert scorer.score(QUERY, passages[::-1]) == pytest.approx(expected[::-1], abs=1e-3)


def test_the_query_of_a_query_first_template_is_computed_once(checkpoint: Any, picture: Any) -> None:
    scorer = TransformersScorer(checkpoint("qwen2-vl"), "qwen3-vl-reranker", kv_cache=0)
    query = Content("like this", (picture(9, 140, 140),))
    passages = [Content(f"passage number {n}") for n in range(6)]
    with counted() as shared:
        together = scorer.score(query, passages)
    with counted() as single:
        alone = [scorer.score(query, [passage])[0] for passage in passages]
    assert together == pytest.approx(alone, abs=1e-3)
    assert shared.to_dict()["images"] == 1
    assert shared.to_dict()["tokens"] * 3 < single.to_dict()["tokens"]


def test_an_image_that_several_passages_hold_is_encoded_once(checkpoint: Any, picture: Any) -> None:
    scorer = TransformersScorer(checkpoint("qwen2-vl"), vision_cache=0, kv_cache=0, pixel_cache=0, token_budget=64)
    with counted() as counts:
        scorer.score(QUERY, [Content(f"text {n}", (picture(1), picture(2))) for n in range(5)])
    assert counts.to_dict()["vision_misses"] == 2


def test_budgets_are_kept_and_what_is_gone_is_computed_again(checkpoint: Any, picture: Any, reference: Any) -> None:
    passages = [Content("a bus", (picture(n, 140, 140),)) for n in range(6)]
    large = TransformersScorer(checkpoint("qwen2-vl"))
    large.score(QUERY, passages)
    engine = large.load().engine
    kv, vision, pixels = engine.prefixes.held, engine.vision.cache.held, engine.pictures.cache.held
    assert min(kv, vision, pixels) > 0
    small = TransformersScorer(
        checkpoint("qwen2-vl"), kv_cache=kv // 2, vision_cache=vision // 2, pixel_cache=pixels // 2
    )
    expected = [reference("qwen2-vl").log_odds(QUERY, passage) for passage in passages]
    for _ in range(3):
        assert small.score(QUERY, passages) == pytest.approx(expected, abs=1e-3)
        engine = small.load().engine
        assert 0 < engine.prefixes.held <= kv // 2
        assert 0 < engine.vision.cache.held <= vision // 2
        assert 0 < engine.pictures.cache.held <= pixels // 2


def test_nothing_is_kept_where_the_budgets_are_zero(checkpoint: Any, picture: Any) -> None:
    scorer = TransformersScorer(checkpoint("qwen2-vl"), kv_cache=0, vision_cache=0, pixel_cache=0)
    passages = [Content("a", (picture(1),)), Content("b")]
    with counted() as first:
        scorer.score(QUERY, passages)
    with counted() as second:
        scorer.score(QUERY, passages)
    assert first.to_dict() == second.to_dict()
    engine = scorer.load().engine
    assert len(engine.prefixes) == len(engine.vision.cache) == len(engine.pictures.cache) == 0


@pytest.mark.parametrize("family", ["qwen3-vl", "idefics3"])
def test_vision_features_on_disk_serve_the_next_run(
    family: str, checkpoint: Any, picture: Any, tmp_path: Path, reference: Any
) -> None:
    passages = [Content("", (picture(n, 100, 60),)) for n in range(3)]
    expected = [reference(family).log_odds(QUERY, passage) for passage in passages]
    folder = str(tmp_path / "features")
    TransformersScorer(checkpoint(family), vision_cache_folder=folder).score(QUERY, passages)
    again = TransformersScorer(checkpoint(family), vision_cache_folder=folder)
    with counted() as counts:
        assert again.score(QUERY, passages) == pytest.approx(expected, abs=1e-3)
    assert counts.to_dict()["vision_hits"] == 3
    assert "vision_misses" not in counts.to_dict()


def test_features_of_other_weights_are_not_taken(
    checkpoint: Any, own_folder: Any, picture: Any, tmp_path: Path
) -> None:
    folder = str(tmp_path / "features")
    passage = Content("", (picture(1),))
    TransformersScorer(checkpoint("qwen2-vl"), vision_cache_folder=folder).score(QUERY, [passage])
    other = TransformersScorer(str(own_folder("qwen2-vl")), vision_cache_folder=folder, dtype="bfloat16")
    with counted() as counts:
        other.score(QUERY, [passage])
    assert counts.to_dict()["vision_misses"] == 1


def test_weights_replaced_within_the_same_moment_are_other_weights(own_folder: Any) -> None:
    folder = own_folder("qwen3")
    [file] = folder.glob("*.safetensors")
    before, moment = load(Settings(str(folder))), file.stat().st_mtime_ns
    data = bytearray(file.read_bytes())
    file.unlink()
    data[-1000:] = data[-2000:-1000]
    file.write_bytes(data)
    os.utime(file, ns=(moment, moment))
    assert load(Settings(str(folder))).identity != before.identity


def test_sizes_of_images_are_remembered_within_bounds(checkpoint: Any) -> None:
    tokens = VisualTokens(load(Settings(checkpoint("qwen2-vl"))))
    tracemalloc.start()
    try:
        for width in range(1000, 2500):
            assert tokens.expansion(width, 1000).tokens > 1000
        assert tokens.expansion(width, 1000) is tokens.expansion(width, 1000)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 18 * 2**20


def test_replacing_a_value_does_not_count_it_twice() -> None:
    store: ByteLRU[int] = ByteLRU(10)
    for value in range(5):
        assert store.put("a", value, 8)
    assert (store.held, len(store), store.get("a")) == (8, 1, 4)
    assert not store.put("b", 0, 11)
    assert store.get("a") == 4
    store.clear()
    assert (store.held, store.get("a")) == (0, None)


def test_layers_whose_past_cannot_be_kept_turn_reuse_off(
    own_folder: Any, caplog: pytest.LogCaptureFixture, reference: Any
) -> None:
    import json

    folder = own_folder("qwen3")
    config = json.loads((folder / "config.json").read_text())
    config |= {"use_sliding_window": True, "sliding_window": 16, "layer_types": ["full_attention", "sliding_attention"]}
    (folder / "config.json").write_text(json.dumps(config))
    scorer = TransformersScorer(str(folder))
    passages = [Content("a red bus " * 10), Content("b")]
    with counted() as counts:
        scores = scorer.score(QUERY, passages)
    assert scorer.score(QUERY, passages) == pytest.approx(scores, abs=1e-5)
    assert "tokens_reused" not in counts.to_dict()
    assert "sliding_attention" in caplog.text
    expected = [type(reference("qwen3"))(str(folder)).log_odds(QUERY, passage) for passage in passages]
    assert scores == pytest.approx(expected, abs=1e-4)
