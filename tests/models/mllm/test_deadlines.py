"""A caller's deadline: nobody computes what nobody waits for any more, and nobody waits beyond it."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.modules.module import register_module_forward_pre_hook
from transformers import Qwen3Model

from tamis.core.content import Content
from tamis.core.errors import ScorerError
from tamis.models.deadline import until
from tamis.models.mllm import TransformersScorer
from tamis.models.template import Part, Prompt

QUERY = Content("which colour is the bus?")
STORY = Prompt((Part("tell a story " * 10),))


@contextmanager
def before_each_pass(work: Callable[[], object]) -> Iterator[list[str]]:
    """Does something before each pass of the model; gives the names of the threads that ran one."""
    passes: list[str] = []

    def begin(module: torch.nn.Module, inputs: Any) -> None:
        if isinstance(module, Qwen3Model):
            passes.append(threading.current_thread().name)
            work()

    handle = register_module_forward_pre_hook(begin)
    try:
        yield passes
    finally:
        handle.remove()


def loaded(checkpoint: Any) -> TransformersScorer:
    scorer = TransformersScorer(checkpoint("qwen3"), canary=False, kv_cache=0, token_budget=16_384)
    scorer.load()
    return scorer


def test_calls_that_waited_beyond_their_deadline_compute_nothing(checkpoint: Any) -> None:
    scorer = loaded(checkpoint)

    def score(number: int) -> float | None:
        with until(moment):
            return scorer.score(QUERY, [Content(f"a red bus {number}")])[0]

    with before_each_pass(lambda: time.sleep(0.4)) as passes, ThreadPoolExecutor(6) as pool:
        moment = time.monotonic() + 0.6
        scores = list(pool.map(score, range(6)))
    assert len(passes) <= 2
    assert scores.count(None) >= 4


def test_a_call_does_not_wait_for_the_model_beyond_its_deadline(checkpoint: Any) -> None:
    scorer, running, go_on = loaded(checkpoint), threading.Event(), threading.Event()

    def hold() -> None:
        running.set()
        go_on.wait(2.0)

    with before_each_pass(hold) as passes:
        other = threading.Thread(target=scorer.score, args=(QUERY, [Content("a red bus")]))
        other.start()
        assert running.wait(10)
        with until(time.monotonic() + 0.1):
            assert scorer.score(QUERY, [Content("a blue bus")]) == [None]
            assert scorer.write([STORY], 3) == [None]
        assert len(passes) == 1
        go_on.set()
        other.join()


def test_writing_ends_at_the_deadline_with_what_is_done(checkpoint: Any) -> None:
    scorer = loaded(checkpoint)
    runtime: Any = scorer.load()
    asked = [STORY, *(Prompt((Part(text),)) for text in ("what?", "a red bus", "why is it so?", "flour", "salt"))]
    endless, *others = runtime.encoder.encoded([runtime.chat.framed(prompt) for prompt in asked], {}, ())
    [story] = runtime.engine.write([endless], 30, frozenset())
    firsts = [ids[0] for ids in runtime.engine.write(others, 1, frozenset())]
    # What the story does not say ends the other text at once.
    ended, end = next((one, first) for one, first in zip(others, firsts, strict=True) if first not in story)
    with before_each_pass(lambda: time.sleep(0.03)) as passes, until(time.monotonic() + 0.4):
        done, late = runtime.engine.write([ended, endless], 1000, frozenset({end}))
    assert done == []
    assert isinstance(late, ScorerError)
    assert "deadline" in str(late)
    assert len(passes) <= 30
    with until(time.monotonic()):
        assert scorer.write([STORY], 3) == [None]
    assert scorer.write([STORY], 3) != [None]
