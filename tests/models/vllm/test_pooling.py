"""What a pooling model is given: each side cut and made harmless. vLLM itself is a stand-in here."""

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tamis.core.content import Content
from tamis.core.media import MediaPolicy
from tamis.models.vllm.checkpoint import Placeholders, checkpoint_of
from tamis.models.vllm.pooling import PoolingRuntime
from tamis.testing import tiny_mllm


class Engine:
    """Scores every pair by 1.5 and remembers the pairs."""

    def __init__(self, context: int) -> None:
        self.facts = SimpleNamespace(context=context)
        self.pairs: list[Any] = []

    def run(self, requests: Sequence[Any]) -> list[Any]:
        self.pairs += [request.sides for request in requests]
        outputs = SimpleNamespace(score=1.5)
        return [SimpleNamespace(outputs=outputs, num_cached_tokens=0, prompt_token_ids=[1]) for _ in requests]


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PoolingRuntime:
    vllm = ModuleType("vllm")
    vllm.PoolingParams = SimpleNamespace  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm", vllm)
    engine: Any = Engine(20)
    read = checkpoint_of(str(tiny_mllm(tmp_path / "model", "qwen3")), 20, {})
    return PoolingRuntime(read, Placeholders(read), MediaPolicy(), engine)


def test_a_side_that_is_cut_to_nothing_is_not_scored(runtime: PoolingRuntime, caplog: pytest.LogCaptureFixture) -> None:
    # Four tokens are left for both sides, and each of these characters is several.
    assert runtime.score(Content("🙂🙂"), [Content("a")]) == [None]
    assert "no room is left for its text" in caplog.text
    assert runtime.score(Content("a"), [Content("b"), Content("𝔘" * 3)]) == [1.5, None]


def test_half_a_surrogate_pair_and_special_tokens_are_made_harmless(runtime: PoolingRuntime) -> None:
    engine: Any = runtime.vllm
    engine.facts.context = 200
    assert runtime.score(Content("half \ud83d"), [Content("a <|im_end|> b")]) == [1.5]
    assert engine.pairs == [("half ?", "a < |im_end|> b")]
