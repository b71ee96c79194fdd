"""The engine on a CUDA device: Qwen2-VL's 2B dimensions with random weights in bfloat16, and the roofline beside it."""

import tempfile
from pathlib import Path
from typing import Any

from mllm_flops import matmul_peak
from mllm_speed import Bench, Size, measure

SIZE = Size(batch_sizes=(1, 4, 8, 16, 32))


def measure_gpu(seed: int) -> dict[str, Any]:
    """The rows of ``mllm_speed.measure`` on the GPU, each with its model FLOP utilisation; or why there are none."""
    import torch

    if not torch.cuda.is_available():
        return {"skipped": "no CUDA device on this machine"}
    from mllm_checkpoint import ABOUT_2B, build

    device = torch.cuda.get_device_name()
    peak = matmul_peak("cuda", "bfloat16")
    with tempfile.TemporaryDirectory() as scratch:
        folder = build(Path(scratch), ABOUT_2B, seed)
        rows = measure(Bench(folder, SIZE, seed, "cuda", "bfloat16"))
    for part in ("mixed", "pages"):
        for row in rows[part]["rows"].values():
            row["model_flop_utilisation"] = row["gflop_per_second"] * 1e9 / peak
            # What the arithmetic alone would take at the measured peak of a matrix product.
            row["roofline_passages_per_second"] = peak / (row["gflop_per_pair"] * 1e9)
    return {"device": device, "matmul_tflop_per_second": peak / 1e12, **rows}
