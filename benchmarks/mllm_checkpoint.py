"""The benchmark's checkpoints: Qwen2-VL's architecture with random weights, in the sizes that are measured."""

import json
from pathlib import Path
from typing import NamedTuple

from tamis.testing import tiny_mllm


class Sizes(NamedTuple):
    """Widths and depths of the two halves, and the rows of the embedding."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    intermediate: int
    vision_hidden: int
    vision_layers: int
    vision_heads: int
    vocab: int


ABOUT_120M = Sizes(768, 12, 12, 4, 2048, 384, 12, 6, vocab=12_288)
SMALL = Sizes(256, 4, 4, 2, 704, 128, 4, 2, vocab=2048)
# Qwen2-VL-2B's published sizes. The embedding is left small: scoring looks tokens up in it and multiplies by two rows.
ABOUT_2B = Sizes(1536, 28, 12, 2, 8960, 1280, 32, 16, vocab=12_288)


def build(folder: Path, sizes: Sizes, seed: int) -> Path:
    """Writes the checkpoint that all sides load; the same arguments give the same weights."""
    tiny_mllm(folder, "qwen2-vl", seed=seed, **sizes._asdict())
    # The named processor would load a video processor, which needs torchvision: see mllm_peers.register_processor.
    (folder / "video_preprocessor_config.json").unlink(missing_ok=True)
    settings = folder / "preprocessor_config.json"
    content = json.loads(settings.read_text(encoding="utf-8"))
    content.pop("processor_class", None)
    settings.write_text(json.dumps(content), encoding="utf-8")
    return folder
