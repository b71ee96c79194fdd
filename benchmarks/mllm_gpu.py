"""The engine on a CUDA device: Qwen2-VL's 2B dimensions with random weights in bfloat16, and the roofline beside it."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from mllm_flops import matmul_peak
from mllm_speed import Bench, Size, measure

SIZE = Size(repetitions=5, batch_sizes=(4, 8, 16, 32))
EXACT = Size(candidates=16, repetitions=1, batch_sizes=(8,))


def checkpoint_of_2b(folder: Path, seed: int) -> Path:
    """The 2B checkpoint in bfloat16, its weights drawn on the device: drawing them on a CPU takes a minute."""
    import torch
    from mllm_checkpoint import ABOUT_2B, build
    from safetensors.torch import load_file, save_file

    with torch.device("cuda"):
        build(folder, ABOUT_2B, seed)
    for file in folder.glob("*.safetensors"):
        save_file({name: one.bfloat16() for name, one in load_file(file).items()}, file, metadata={"format": "pt"})
    return folder


def measure_gpu(seed: int, repetitions: int) -> dict[str, Any]:
    """The rows of ``mllm_speed.measure`` on the GPU, each with its model FLOP utilisation; or why there are none.

    ``exact`` has the differences to the plain loop in float32, on the small checkpoint: bfloat16 rounds each sum by
    itself, so that no two ways of computing agree closely there.
    """
    import torch

    if not torch.cuda.is_available():
        return {"skipped": "no CUDA device on this machine"}
    from mllm_checkpoint import ABOUT_120M, build

    device = torch.cuda.get_device_name()
    peak = matmul_peak("cuda", "bfloat16")
    with tempfile.TemporaryDirectory() as scratch:
        small = build(Path(scratch) / "small", ABOUT_120M, seed)
        exact = measure(Bench(small, EXACT, seed, "cuda", "float32"))["log_odds_differences"]
        folder = checkpoint_of_2b(Path(scratch) / "2b", seed)
        size = replace(SIZE, repetitions=repetitions)
        rows = measure(Bench(folder, size, seed, "cuda", "bfloat16"))
    for part in ("mixed", "pages"):
        for row in rows[part]["rows"].values():
            row["model_flop_utilisation"] = row["gflop_per_second"] * 1e9 / peak
            # What the arithmetic alone would take at the measured peak of a matrix product.
            row["roofline_passages_per_second"] = peak / (row["gflop_per_pair"] * 1e9)
    return {"device": device, "matmul_tflop_per_second": peak / 1e12, "exact": exact, **rows}
