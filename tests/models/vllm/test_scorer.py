"""VllmScorer where there is no vLLM: its settings, its errors, and how its requests are kept apart."""

import json
import pickle
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting, MissingExtra, UnknownComponent
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.models import SCORERS, Scorer
from tamis.models.chooser import Chooser, Writer
from tamis.models.template import template_of
from tamis.models.vllm import VllmScorer
from tamis.rerankers import MLLMReranker
from tamis.testing import tiny_mllm
from tamis.testing.pictures import png

without_vllm = pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed here")


def test_it_keeps_every_seam() -> None:
    scorer = VllmScorer("folder/model")
    assert isinstance(scorer, Scorer)
    assert isinstance(scorer, Chooser)
    assert isinstance(scorer, Writer)
    assert SCORERS.load("vllm") is VllmScorer
    assert MLLMReranker("folder/model", "vllm", backend_settings={"enforce_eager": True}).scorer.enforce_eager


@without_vllm
def test_without_vllm_the_install_line_is_named_and_nothing_stays_behind() -> None:
    scorer, threads = VllmScorer("folder/model"), threading.active_count()
    with pytest.raises(MissingExtra, match=r"pip install 'tamis\[vllm\]'"):
        scorer.score(Content("a query"), [Content("a passage")])
    with pytest.raises(MissingExtra, match=r"tamis\[vllm\]"):
        scorer.write([template_of("tamis").prompt(Content("a query"), Content("a passage"))])
    assert threading.active_count() == threads
    scorer.close()


def test_nothing_to_score_starts_nothing() -> None:
    scorer = VllmScorer("folder/model")
    assert scorer.score(Content("a query"), []) == []
    assert scorer.score(Content("a query"), [Content(), Content(" ")]) == [None, None]
    assert scorer.score(Content(), [Content("a passage")]) == [None]
    assert scorer.choose([], []) == []
    assert scorer.write([]) == []


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"model": ""}, "model"),
        ({"dtype": "float8"}, "float8"),
        ({"max_length": 1}, "max_length"),
        ({"max_length": True}, "max_length"),
        ({"tensor_parallel_size": 0}, "tensor_parallel_size"),
        ({"gpu_memory_utilization": 1.5}, "gpu_memory_utilization"),
        ({"gpu_memory_utilization": 0}, "gpu_memory_utilization"),
        ({"engine_settings": {"dtype": "float16"}}, "'dtype'"),
        ({"engine_settings": ["dtype"]}, "engine_settings"),
        ({"template": "tamis", "pooling": True}, "wording"),
        ({"media": {"root": "/"}}, "root"),
    ],
)
def test_a_setting_outside_its_range_is_named_when_it_is_set(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(BadSetting, match=named):
        VllmScorer(**{"model": "folder/model", **settings})


def test_an_unknown_template_is_named_when_it_is_set() -> None:
    with pytest.raises(UnknownComponent, match='"nope"'):
        VllmScorer("folder/model", "nope")


def test_settings_are_json_and_make_the_same_scorer() -> None:
    scorer = VllmScorer(
        "folder/model",
        template_of("ragvl"),
        "Is it so?",
        max_length=1024,
        gpu_memory_utilization=0.5,
        prefix_caching=False,
        engine_settings={"limit_mm_per_prompt": {"image": 4}},
        media=MediaPolicy(roots=("/pictures",)),
    )
    written = json.loads(json.dumps(SCORERS.spec(scorer), allow_nan=False))
    again = SCORERS.build(written)
    assert isinstance(again, VllmScorer)
    assert SCORERS.spec(again) == written
    assert again.arguments() == scorer.arguments()
    assert again.media == scorer.media
    assert pickle.loads(pickle.dumps(scorer)) == scorer  # noqa: S301 - made on the same line


def test_what_vllm_is_started_with() -> None:
    scorer = VllmScorer("folder/model", max_length=512, pooling=True, engine_settings={"seed": 7})
    assert scorer.arguments() == {
        "model": "folder/model",
        "dtype": "auto",
        "tensor_parallel_size": 1,
        "enforce_eager": False,
        "enable_prefix_caching": True,
        "runner": "pooling",
        "max_model_len": 512,
        "logprobs_mode": "raw_logits",
        "seed": 7,
    }


@pytest.mark.parametrize("family", ["qwen2-vl", "llava", "idefics3"])
def test_an_image_is_one_token_of_a_prompt_and_counts_as_all_of_its_own(tmp_path: Path, family: Any) -> None:
    """vLLM puts the rest in its place; the room that it will take is known all the same."""
    from tamis.models.mllm.encode import Encoded, Encoder
    from tamis.models.mllm.framing import chat_of, frame_of
    from tamis.models.mllm.pictures import Pictures
    from tamis.models.mllm.visual import VisualTokens
    from tamis.models.vllm.checkpoint import Placeholders, checkpoint_of
    from tamis.models.vllm.runtime import prompt_of

    checkpoint = checkpoint_of(str(tiny_mllm(tmp_path, family)), 4096, {})
    image = Image(data=png(1, 2, 3, 90))
    encoded = []
    for kind in (Placeholders, VisualTokens):
        visual = kind(checkpoint)
        chat = chat_of(checkpoint, visual.wrapped())
        parts = frame_of(checkpoint, chat, "tamis", None).parts(
            Content("what is it"), Content("a text", (image, image))
        )
        read = Pictures(checkpoint.image_processor, MediaPolicy(), 1, 0).read([image])
        (made,) = Encoder(checkpoint.tokenizer, visual, chat.image, 4096).encoded([parts], read, [])  # type: ignore[arg-type]
        assert isinstance(made, Encoded)
        encoded.append(made)
    mine, true = encoded
    assert len(mine) >= len(true)
    prompt = prompt_of(mine, ["first", "second"])
    assert prompt["prompt_token_ids"].count(Placeholders(checkpoint).token_id) == 2
    assert prompt["multi_modal_data"] == {"image": ["first", "second"]}
    first, second = prompt["multi_modal_uuids"]["image"]
    assert first == second == image.digest(MediaPolicy())


def test_a_checkpoint_that_is_none_is_named(tmp_path: Path) -> None:
    from tamis.models.vllm.checkpoint import checkpoint_of

    with pytest.raises(BadInput, match=tmp_path.name):
        checkpoint_of(str(tmp_path), 4096, {})
