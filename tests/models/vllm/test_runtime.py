"""What is made of vLLM's answers. vLLM itself is a stand-in here."""

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tamis.core.media import MediaPolicy
from tamis.models.mllm.encode import Encoder
from tamis.models.mllm.framing import chat_of, frame_of
from tamis.models.mllm.pictures import Pictures
from tamis.models.template import Part, Prompt
from tamis.models.vllm.checkpoint import Placeholders, checkpoint_of
from tamis.models.vllm.runtime import VllmRuntime
from tamis.testing import tiny_mllm


class Engine:
    """Gives every token that is asked for the same logit."""

    def __init__(self, logit: float) -> None:
        self.logit = logit

    def run(self, requests: Sequence[Any]) -> list[Any]:
        found = []
        for request in requests:
            told = {token: SimpleNamespace(logprob=self.logit) for token in request.params.logprob_token_ids}
            output = SimpleNamespace(logprobs=[told])
            found.append(SimpleNamespace(outputs=[output], num_cached_tokens=0, prompt_token_ids=[1]))
        return found


@pytest.mark.parametrize(("logit", "told"), [(2.0, 2.0), (float("nan"), None), (float("-inf"), None)])
def test_a_logit_that_is_no_number_is_none(
    logit: float, told: float | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    vllm = ModuleType("vllm")
    vllm.SamplingParams = SimpleNamespace  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm", vllm)
    read = checkpoint_of(str(tiny_mllm(tmp_path / "model", "qwen3")), 512, {})
    visual = Placeholders(read)
    chat = chat_of(read, visual.wrapped())
    stand_in: dict[str, Any] = {"engine": None, "vllm": Engine(logit)}
    runtime = VllmRuntime(
        checkpoint=read,
        chat=chat,
        frame=frame_of(read, chat, None, None),
        encoder=Encoder(read.tokenizer, visual, chat.image, 512),
        pictures=Pictures(None, MediaPolicy(), 1, 0),
        **stand_in,
    )
    assert runtime.choices([Prompt((Part("A or B?"),))], [[33, 34]]) == [[told, told]]
