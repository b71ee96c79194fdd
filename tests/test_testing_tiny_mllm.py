"""Tiny checkpoints load offline, are reproducible, and their answers are single tokens."""

import string
from pathlib import Path
from typing import Any, get_args

import pytest
import transformers
from safetensors.torch import load_file

from tamis.core.errors import BadSetting
from tamis.testing import tiny_mllm
from tamis.testing.tiny_model import Family
from tamis.testing.tiny_tokenizer import ANSWERS


@pytest.mark.parametrize("family", get_args(Family))
def test_a_tiny_model_loads_as_any_other(family: Any, tmp_path: Path) -> None:
    folder = tiny_mllm(tmp_path / "model", family)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    for word in (*ANSWERS, *string.ascii_letters, *string.digits):
        assert len(tokenizer.encode(word, add_special_tokens=False)) == 1, word
    text = "Any text, ünïcode, 漢字 and 🙂 too."
    assert tokenizer.decode(tokenizer.encode(text)) == text
    auto: Any = transformers.AutoModelForCausalLM if family == "qwen3" else transformers.AutoModelForImageTextToText
    model = auto.from_pretrained(folder)
    assert model.get_input_embeddings().weight.shape[0] >= len(tokenizer)
    if family != "qwen3":
        images: Any = transformers.AutoImageProcessor
        assert images.from_pretrained(folder) is not None


def test_the_seed_decides_the_weights_and_sizes_are_obeyed(tmp_path: Path) -> None:
    sizes = {"hidden": 32, "layers": 3, "vision_layers": 1, "vocab": 700}
    one, same, other = (
        load_file(tiny_mllm(tmp_path / str(number), "qwen2-vl", seed=seed, **sizes) / "model.safetensors")
        for number, seed in enumerate((1, 1, 2))
    )
    assert all((one[name] == same[name]).all() for name in one)
    assert any((one[name] != other[name]).any() for name in one)
    assert one["lm_head.weight"].shape == (700, 32)
    assert sum("input_layernorm" in name for name in one) == 3


@pytest.mark.parametrize(
    ("arguments", "named"),
    [({"family": "gpt"}, "gpt"), ({"heads": 5}, "heads 5"), ({"vocab": 200}, "vocab is 200")],
)
def test_sizes_that_do_not_fit_are_named(arguments: dict[str, Any], named: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=named):
        tiny_mllm(tmp_path, **{"family": "qwen2-vl", **arguments})
