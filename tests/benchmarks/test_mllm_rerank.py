"""The parts of the MLLM benchmark that are arithmetic: lengths, pictures, floating-point operations, goals."""

import io
import math
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a benchmark's module by its name, as the benchmarks do among themselves."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module


class TestWorkload:
    def test_mixture_covers_both_ranges_and_is_the_same_for_the_same_seed(self, module: Any) -> None:
        workload = module("mllm_workload")
        lengths = workload.mixture(50, 0)
        assert lengths == workload.mixture(50, 0) != workload.mixture(50, 1)
        assert (min(one.visual for one in lengths), max(one.visual for one in lengths)) == (64, 1024)
        assert (min(one.text for one in lengths), max(one.text for one in lengths)) == (10, 400)
        # Evenly in the logarithm: the middle is the geometric mean, sqrt(64 * 1024) = 256.
        assert sorted(one.visual for one in lengths)[25] == pytest.approx(256, rel=0.06)
        assert abs(_correlation([tuple(one) for one in lengths])) < 0.5

    @pytest.mark.parametrize("visual", [1, 2, 64, 67, 113, 256, 997, 1024])
    def test_grid_is_near_in_area_and_in_shape(self, module: Any, visual: int) -> None:
        rows, columns = module("mllm_workload").grid_of(visual)
        assert rows <= columns <= 2 * rows
        assert abs(rows * columns - visual) <= max(1, 0.02 * visual)

    def test_picture_becomes_the_tokens_that_were_asked_for(self, module: Any) -> None:
        transformers = pytest.importorskip("transformers")
        workload = module("mllm_workload")
        grid = workload.grid_of(96)
        pixels = PIL.Image.open(io.BytesIO(workload.picture(grid, 3)))
        pixels.load()
        processor = transformers.Qwen2VLImageProcessorPil(min_pixels=28 * 28, max_pixels=2048 * 28 * 28)
        _, high, wide = processor(images=[pixels], return_tensors="pt")["image_grid_thw"][0].tolist()
        assert high * wide // 4 == math.prod(grid) == 96
        assert workload.picture(grid, 3) != workload.picture(grid, 4)

    def test_text_has_the_length_that_was_asked_for(self, module: Any) -> None:
        workload = module("mllm_workload")
        assert len(workload.text_of(37, len, 0)) == 37
        assert len(workload.text_of(12, lambda text: len(text.split()), 1).split()) == 12
        assert workload.text_of(20, len, 1) != workload.text_of(20, len, 2)


class TestFlops:
    def test_formulas_by_hand(self, module: Any) -> None:
        flops = module("mllm_flops")
        geometry = flops.Geometry(2, 4, 100, 3, 5, 70, patch_weights=10, merger_weights=6)
        assert flops.text_flops(geometry, 3) == 2 * 100 * 3 + 2 * 2 * 4 * 3 * 3 == 744
        assert flops.text_flops(geometry, 3, cached=5) == 744 + 2 * 2 * 4 * 2 * 3 * 5 == 1224
        # Two visual tokens are eight patches.
        assert flops.vision_flops(geometry, 2) == 2 * 80 * 8 + 4 * 3 * 5 * 64 + 2 * 6 * 2 == 5144
        assert flops.pair_flops(geometry, 3, 2) == 744 + 5144
        assert flops.pair_flops(geometry, 3, 0) == 744

    def test_what_is_kept_is_never_computed_twice(self, module: Any) -> None:
        flops = module("mllm_flops")
        geometry = flops.Geometry(2, 4, 100, 3, 5, 70, 10, 6)
        whole, first = flops.text_flops(geometry, 9), flops.text_flops(geometry, 4)
        assert first + flops.text_flops(geometry, 5, cached=4) == whole

    def test_padding_share_by_hand(self, module: Any) -> None:
        padding_share = module("mllm_flops").padding_share
        assert padding_share([[4, 2], [3]]) == pytest.approx(2 / 11)
        assert padding_share([[5], [3]]) == 0

    def test_against_the_operations_that_pytorch_counts(self, module: Any) -> None:
        torch = pytest.importorskip("torch")
        transformers = pytest.importorskip("transformers")
        from torch.utils.flop_counter import FlopCounterMode

        flops = module("mllm_flops")
        rope = {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [2, 3, 3]}
        config = transformers.Qwen2VLConfig(
            text_config={
                "vocab_size": 40,
                "hidden_size": 64,
                "num_hidden_layers": 2,
                "intermediate_size": 96,
                "num_attention_heads": 4,
                "num_key_value_heads": 2,
                "rope_parameters": rope,
                "bos_token_id": 0,
                "eos_token_id": 1,
            },
            vision_config={"depth": 2, "embed_dim": 32, "num_heads": 2, "hidden_size": 64, "mlp_ratio": 2},
            attn_implementation="eager",
        )
        model = transformers.Qwen2VLModel(config).eval()
        geometry = flops.geometry_of(config)
        tokens, visual = 11, 6
        with torch.inference_mode(), FlopCounterMode(display=False) as counted:
            model.language_model(input_ids=torch.zeros(1, tokens, dtype=torch.long), use_cache=False)
        # Not causal there: the half of the attention that the mask throws away is computed too. The small rest is the
        # rotary embedding's product of positions and frequencies.
        half = 2 * 2 * 64 * tokens**2
        assert counted.get_total_flops() == pytest.approx(flops.text_flops(geometry, tokens) + half, rel=0.01)
        pixels = torch.zeros(4 * visual, 3 * 2 * 14 * 14)
        with torch.inference_mode(), FlopCounterMode(display=False) as counted:
            model.visual(pixels, grid_thw=torch.tensor([[1, 4, visual]]))
        # The patch embedding is a convolution, which is counted as well.
        assert counted.get_total_flops() == pytest.approx(flops.vision_flops(geometry, visual), rel=0.01)


class TestCascade:
    def test_ndcg_by_hand(self, module: Any) -> None:
        pytest.importorskip("sentence_transformers")
        cascade = module("mllm_cascade")
        scores, relevant = np.array([0.1, 3.0, 2.0, -1.0]), np.array([False, False, True, False])
        # The one that answers stands second: 1 / log2(3).
        assert cascade.ndcg_at_10(scores, relevant) == pytest.approx(0.63093, abs=1e-5)
        assert cascade.ndcg_at_10(-scores, relevant) == pytest.approx(1 / math.log2(4))
        assert cascade.ndcg_at_10(scores, np.zeros(4, dtype=bool)) == 0.0
        assert cascade.best(np.array([1.0, 2.0, 2.0]), 2) == [1, 2]

    def test_split_shares_no_question_and_no_gold_passage(self, module: Any) -> None:
        pytest.importorskip("sentence_transformers")
        corpora, trainer = module("corpora"), module("mllm_groups")
        # Two questions after another have the same gold passage.
        questions = [corpora.Question(f"q{at}", f"question {at}", (f"p{at // 2}",)) for at in range(40)]
        corpus = corpora.Corpus("c", {f"p{at}": f"passage {at}" for at in range(20)}, questions)
        split = trainer.split_of(corpus, 5, 7, seed=3)
        assert (len(split.tuning), len(split.test)) == (5, 7)
        held = {name for question in split.tuning + split.test for name in question.gold}
        assert split.training
        assert not held & {name for question in split.training for name in question.gold}
        assert split == trainer.split_of(corpus, 5, 7, seed=3) != trainer.split_of(corpus, 5, 7, seed=4)

    def test_training_groups_come_from_all_corpora_alike(self, module: Any) -> None:
        pytest.importorskip("sentence_transformers")
        trainer = module("mllm_groups")
        piles = [
            [trainer.Group(f"{name}{at}", "yes", ("no",)) for at in range(size)] for name, size in (("a", 3), ("b", 9))
        ]
        taken = [group.question[0] for group in trainer.mixed(piles, 8, 0)]
        assert (taken.count("a"), taken.count("b")) == (3, 5)
        assert len(trainer.mixed(piles, 99, 0)) == 12


class TestReport:
    def test_goals_hold_at_their_bounds_only_on_the_right_side(self, module: Any) -> None:
        goals = {goal.key: goal for goal in module("mllm_rerank").GOALS}
        assert goals["cold_ratio"].met(1.3)
        assert not goals["cold_ratio"].met(1.29)
        assert goals["async_vs_ideal"].met(1.15)
        assert not goals["async_vs_ideal"].met(1.16)

    def test_ratio_compares_within_each_repetition(self, module: Any) -> None:
        speed = module("mllm_speed")
        slow = [speed.Took(wall, wall, [], {}) for wall in (2.0, 40.0, 9.0)]
        fast = [speed.Took(wall, wall, [], {}) for wall in (1.0, 10.0, 3.0)]
        assert speed.ratio(slow, fast) == 3.0

    def test_repetitions_take_turns(self, module: Any) -> None:
        speed = module("mllm_speed")
        order: list[str] = []

        def call(name: str) -> Any:
            order.append(name)
            return speed.Took(0.0, 0.0, [], {})

        speed.interleaved({"a": lambda: call("a"), "b": lambda: call("b")}, 2)
        assert order == ["a", "b", "b", "a"]


def _correlation(pairs: list[tuple[int, int]]) -> float:
    return float(np.corrcoef(np.log(np.array(pairs, dtype=float)).T)[0, 1])
