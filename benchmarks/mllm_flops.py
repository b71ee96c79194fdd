"""Floating-point operations of one (query, passage) pair in a Qwen2-VL-like model, and what the machine can do at most.

Prefill only, two operations a multiplication and addition. Embeddings and the vocabulary's head are left out.
"""

import time
from typing import Any, NamedTuple


class Geometry(NamedTuple):
    """The sizes that the cost depends on. ``text_weights`` and ``vision_weights`` are those of all blocks together,
    ``patch_weights`` those of the patch embedding and ``merger_weights`` of the merger; ``merge`` patches a side make
    a token.
    """

    text_layers: int
    text_width: int
    text_weights: int
    vision_layers: int
    vision_width: int
    vision_weights: int
    patch_weights: int
    merger_weights: int
    merge: int = 2


def geometry_of(config: Any) -> Geometry:
    """The geometry of a Qwen2-VL configuration (Transformers' ``Qwen2VLConfig``)."""
    text, vision = config.get_text_config(), config.vision_config
    head = text.hidden_size // text.num_attention_heads
    attention = 2 * text.hidden_size * head * (text.num_attention_heads + text.num_key_value_heads)
    block = attention + 3 * text.hidden_size * text.intermediate_size
    width = vision.embed_dim
    joined = width * vision.spatial_merge_size**2
    return Geometry(
        text_layers=text.num_hidden_layers,
        text_width=head * text.num_attention_heads,
        text_weights=text.num_hidden_layers * block,
        vision_layers=vision.depth,
        vision_width=width,
        vision_weights=vision.depth * (4 * width**2 + 2 * width * int(width * vision.mlp_ratio)),
        patch_weights=width * vision.in_channels * vision.temporal_patch_size * vision.patch_size**2,
        merger_weights=joined * joined + joined * vision.hidden_size,
        merge=vision.spatial_merge_size,
    )


def text_flops(geometry: Geometry, new: int, cached: int = 0) -> int:
    """The language model's work for ``new`` tokens behind ``cached`` ones whose keys and values are kept.

    ``2 P n`` for the weights and ``2 L d (n² + 2 n c)`` for causal attention.
    """
    attention = 2 * geometry.text_layers * geometry.text_width * (new * new + 2 * new * cached)
    return 2 * geometry.text_weights * new + attention


def vision_flops(geometry: Geometry, visual: int) -> int:
    """The vision tower's work for an image of ``visual`` tokens: ``2 P p + 4 L d p²`` for p patches, and the merger."""
    patches = visual * geometry.merge**2
    blocks = 2 * (geometry.vision_weights + geometry.patch_weights) * patches
    attention = 4 * geometry.vision_layers * geometry.vision_width * patches * patches
    return blocks + attention + 2 * geometry.merger_weights * visual


def pair_flops(geometry: Geometry, tokens: int, visual: int) -> int:
    """One pair with nothing cached: ``tokens`` in all, of which ``visual`` are those of one image (0: none)."""
    return text_flops(geometry, tokens) + (vision_flops(geometry, visual) if visual else 0)


def padding_share(lengths: list[list[int]]) -> float:
    """Which share of a run's tokens is padding, for batches of these lengths; in [0, 1), lower is better.

    >>> padding_share([[4, 2], [3]])
    0.18181818181818182
    """
    padded = sum(max(batch) * len(batch) for batch in lengths)
    return 1 - sum(map(sum, lengths)) / padded


def matmul_peak(device: str = "cpu", dtype: str = "float32", seconds: float = 1.5) -> float:
    """The most operations a second that PyTorch's matrix product reaches here, the best of several runs and shapes."""
    import torch

    best = 0.0
    side = 1024 if device == "cpu" else 8192
    kind = getattr(torch, dtype)
    for rows, inner, columns in ((side, side, side), (side, 768, 3072), (side * 2, 768, 768)):
        left = torch.randn(rows, inner, device=device, dtype=kind)
        right = torch.randn(inner, columns, device=device, dtype=kind)
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            start = _now(device)
            for _ in range(4):
                left @ right
            best = max(best, 8 * rows * inner * columns / (_now(device) - start))
    return best


def _now(device: str) -> float:
    """The clock, when everything given to the device is done."""
    if device != "cpu":
        import torch

        torch.cuda.synchronize()
    return time.perf_counter()
