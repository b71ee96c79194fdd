"""Next-token logits of labels, and greedy text, are those of the plain way."""

import asyncio
from typing import Any

import pytest
import torch

from tamis.core.errors import BadSetting
from tamis.core.image import Image
from tamis.models.mllm import TransformersScorer
from tamis.models.template import Part, Prompt


def prompts(picture: Any) -> list[Prompt]:
    return [
        Prompt((Part("Which is it? A: "), Part("red", owner="passage"), Part(" B: "), Part("green", owner="passage"))),
        Prompt(
            (
                Part("A: "),
                Part(image=picture(1), owner="passage"),
                Part("\nB: "),
                Part(image=picture(2), owner="passage"),
            ),
            system="Choose.",
            reply="[",
        ),
        Prompt((Part("Say something long. " * 6), Part("why?", owner="query"))),
    ]


@pytest.mark.parametrize("family", ["qwen2-vl", "qwen3-vl", "llava", "idefics3"])
def test_labels_get_the_logits_of_the_plain_way(family: str, checkpoint: Any, picture: Any, reference: Any) -> None:
    scorer, plain = TransformersScorer(checkpoint(family)), reference(family)
    labels = [["A", "B"], ["B", "A", "C"], ["1", "2"]]
    expected = []
    for prompt, row in zip(prompts(picture), labels, strict=True):
        logits = plain.logits(prompt)
        expected.append([float(logits[plain.tokenizer.encode(label)[0]]) for label in row])
    for _ in range(2):
        for found, wanted in zip(scorer.choose(prompts(picture), labels), expected, strict=True):
            assert found == pytest.approx(wanted, abs=1e-3)
    assert asyncio.run(scorer.achoose(prompts(picture)[:1], labels[:1]))[0] == pytest.approx(expected[0], abs=1e-3)


def test_a_label_of_several_tokens_is_a_bad_setting(checkpoint: Any, picture: Any) -> None:
    scorer = TransformersScorer(checkpoint("qwen3"))
    with pytest.raises(BadSetting, match=r"'[(]A[)]' is not one token"):
        scorer.choose(prompts(picture)[:1], [["A", "(A)"]])
    with pytest.raises(BadSetting, match="1 prompts need as many lists"):
        scorer.choose(prompts(picture)[:1], [])
    assert scorer.choose([], []) == []


def test_a_logit_that_is_no_number_is_none(checkpoint: Any, picture: Any) -> None:
    scorer = TransformersScorer(checkpoint("qwen3"), canary=False)
    head = scorer.load().checkpoint.model.get_output_embeddings()
    [no] = scorer.load().label_ids(["B"])
    with torch.no_grad():
        head.weight[no] = float("nan")
    [[first, second]] = scorer.choose(prompts(picture)[:1], [["A", "B"]])
    assert first is not None
    assert second is None


def test_a_prompt_whose_image_is_broken_has_no_logits(checkpoint: Any, picture: Any) -> None:
    broken = Prompt((Part(image=Image(data=b"broken")), Part("A or B?")))
    scorer = TransformersScorer(checkpoint("qwen2-vl"))
    first, second = scorer.choose([broken, prompts(picture)[0]], [["A", "B"], ["A", "B"]])
    assert first == [None, None]
    assert None not in second
    assert scorer.write([broken, prompts(picture)[0]], 3)[0] is None


@pytest.mark.parametrize("family", ["qwen2-vl", "qwen3-vl", "llava", "idefics3", "qwen3"])
def test_text_is_what_the_model_writes_greedily(family: str, checkpoint: Any, picture: Any, reference: Any) -> None:
    plain = reference(family)
    asked = prompts(picture)[::2] if family == "qwen3" else prompts(picture)
    expected = []
    for prompt in asked:
        inputs = plain.inputs(prompt)
        length = inputs["input_ids"].shape[1]
        with torch.inference_mode():
            ids = plain.model.generate(
                **inputs, attention_mask=torch.ones_like(inputs["input_ids"]), max_new_tokens=12, do_sample=False
            )
        expected.append(plain.tokenizer.decode(ids[0, length:], skip_special_tokens=True))
    scorer = TransformersScorer(checkpoint(family))
    assert scorer.write(asked, 12) == expected
    assert [scorer.write([prompt], 12)[0] for prompt in asked] == expected
    assert asyncio.run(scorer.awrite(asked[:1], 12)) == expected[:1]
