"""When memory runs out, and when several threads or a deadline press."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.nn.modules.module import register_module_forward_pre_hook
from transformers import Qwen2VLModel, Qwen3Model

from tamis.core.content import Content
from tamis.models.counting import counted
from tamis.models.deadline import until
from tamis.models.mllm import TransformersScorer

QUERY = Content("which colour is the bus?")
PASSAGES = [Content(f"a red bus {n} " * (3 + n)) for n in range(12)]


@contextmanager
def a_device_of(tokens: int, error: Callable[[], Exception]) -> Iterator[list[int]]:
    """Models whose every pass of more than ``tokens`` padded tokens fails; gives the passes' sizes that succeeded."""
    passed: list[int] = []

    def check(module: torch.nn.Module, inputs: Any) -> None:
        # A text tower takes embeddings of shape (rows, tokens, hidden).
        if type(module).__name__ in ("Qwen2VLDecoderLayer", "Qwen3DecoderLayer"):
            size = inputs[0].shape[0] * inputs[0].shape[1]
            if size > tokens:
                raise error()
            passed.append(size)

    handle = register_module_forward_pre_hook(check)
    try:
        yield passed
    finally:
        handle.remove()


ERRORS = {
    "of a GPU": lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    "of Python": lambda: MemoryError(),
    "of the CPU's allocator": lambda: RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS.keys())
@pytest.mark.parametrize("family", ["qwen2-vl", "qwen3"])
def test_batches_halve_until_they_fit_and_stay_small(family: str, error: Any, checkpoint: Any) -> None:
    scorer = TransformersScorer(checkpoint(family), token_budget=4096, kv_cache=0)
    scorer.load().engine.overhead = 10**6
    expected = scorer.score(QUERY, PASSAGES)
    with a_device_of(300, error) as passed, counted() as counts:
        assert scorer.score(QUERY, PASSAGES) == pytest.approx(expected, abs=1e-4)
    assert 1 <= counts.to_dict()["out_of_memory"] <= 8
    assert max(passed) <= 300
    with a_device_of(300, error), counted() as counts:
        assert scorer.score(QUERY, PASSAGES) == pytest.approx(expected, abs=1e-4)
    assert "out_of_memory" not in counts.to_dict()


def test_a_passage_too_large_by_itself_costs_no_other(checkpoint: Any, caplog: pytest.LogCaptureFixture) -> None:
    scorer = TransformersScorer(checkpoint("qwen3"), kv_cache=0)
    passages = [Content("short"), Content("long " * 300), Content("small")]
    expected = scorer.score(QUERY, passages)
    with a_device_of(150, ERRORS["of a GPU"]), counted() as counts:
        scores = scorer.score(QUERY, passages)
    assert scores[1] is None
    assert [scores[0], scores[2]] == pytest.approx([expected[0], expected[2]], abs=1e-4)
    assert counts.to_dict()["failures"] == 1
    assert "memory ran out on this one alone" in caplog.text


def test_images_that_are_too_many_for_the_vision_tower_go_through_it_in_halves(checkpoint: Any, picture: Any) -> None:
    passages = [Content("many", tuple(picture(number) for number in range(5))), Content("one", (picture(7),))]
    expected = TransformersScorer(checkpoint("qwen2-vl"), canary=False).score(QUERY, passages)
    scorer = TransformersScorer(checkpoint("qwen2-vl"), canary=False)
    most: list[int] = []

    def check(module: torch.nn.Module, inputs: Any) -> None:
        if type(module).__name__ == "PatchEmbed":
            if len(inputs[0]) > 100:
                raise torch.OutOfMemoryError("CUDA out of memory")
            most.append(len(inputs[0]))

    scorer.load()
    handle = register_module_forward_pre_hook(check)
    try:
        with counted() as counts:
            assert scorer.score(QUERY, passages) == pytest.approx(expected, abs=1e-4)
        assert counts.to_dict()["out_of_memory"] >= 1
        with counted() as counts:
            scorer.score(QUERY, [Content("others", tuple(picture(number) for number in range(10, 15)))])
    finally:
        handle.remove()
    assert "out_of_memory" not in counts.to_dict()
    assert max(most) > 36, "each image went through the tower alone"


def test_other_errors_of_the_model_are_raised(checkpoint: Any) -> None:
    scorer = TransformersScorer(checkpoint("qwen3"), canary=False)
    scorer.load()
    with a_device_of(10, lambda: RuntimeError("shape mismatch")), pytest.raises(RuntimeError, match="shape mismatch"):
        scorer.score(QUERY, PASSAGES)
    assert scorer.score(QUERY, PASSAGES[:1])[0] is not None


def test_threads_share_a_model_and_one_pass_runs_at_a_time(checkpoint: Any, picture: Any) -> None:
    scorer = TransformersScorer(checkpoint("qwen2-vl"), token_budget=256)
    passages = [Content(f"bus {n}", (picture(n % 3),)) for n in range(6)]
    queries = [Content(f"question number {n}") for n in range(6)]
    fresh = TransformersScorer(checkpoint("qwen2-vl"), kv_cache=0)
    expected = [fresh.score(query, passages) for query in queries]
    running, most = [0], [0]

    def enter(module: torch.nn.Module, inputs: Any) -> None:
        if isinstance(module, Qwen2VLModel | Qwen3Model):
            running[0] += 1
            most[0] = max(most[0], running[0])

    def leave(module: torch.nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(module, Qwen2VLModel | Qwen3Model):
            running[0] -= 1

    threads = threading.active_count()
    before = register_module_forward_pre_hook(enter)
    after = torch.nn.modules.module.register_module_forward_hook(leave)
    try:
        with ThreadPoolExecutor(6) as pool:
            results = list(pool.map(lambda query: scorer.score(query, passages), queries))
    finally:
        before.remove()
        after.remove()
    for result, wanted in zip(results, expected, strict=True):
        assert result == pytest.approx(wanted, abs=1e-3)
    assert most[0] == 1
    # The pool that prepares images stays; nothing is left behind for each call.
    assert threading.active_count() - threads <= 8


def test_at_the_deadline_what_is_scored_is_returned(checkpoint: Any) -> None:
    scorer = TransformersScorer(checkpoint("qwen3"), token_budget=64, kv_cache=0)
    scorer.warmup()

    def slow(module: torch.nn.Module, inputs: Any) -> None:
        if isinstance(module, Qwen3Model):
            time.sleep(0.05)

    handle = register_module_forward_pre_hook(slow)
    try:
        began = time.monotonic()
        with until(began + 0.4):
            scores = scorer.score(QUERY, PASSAGES * 3 + [Content(f"{n}") for n in range(40)])
        took = time.monotonic() - began
    finally:
        handle.remove()
    assert 0 < sum(score is not None for score in scores) < len(scores)
    assert took < 1.5
