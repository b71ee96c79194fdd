"""The small VLM: a LLaVA built from its configuration, with its own tokenizer and image processor, as a folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch

from tamis.core.content import Content
from tamis.core.image import Image
from tamis.models.template import Template, template_of
from toy_mllm.claims import NUMBERS, Relation
from toy_mllm.scenes import COLOURS, DEVIATION, MEAN, SHAPES, SIDE, WORDS

TEMPLATE = "ragvl"
"""Image first, then the question; the first of the template's forms that an image without text fits."""

PAD, UNKNOWN, IMAGE, DESCRIBE, END, ANSWER = "<pad>", "<unk>", "<image>", "<describe>", "<end>", "<answer>"
YES, NO = "Yes", "No"

CHAT = """\
{%- for message in messages -%}
{%- for part in message['content'] -%}
{%- if part is string -%}{{ part }}{%- elif part['type'] == 'image' -%}<image>{%- else -%}{{ part['text'] }}
{%- endif -%}
{%- endfor -%}
{%- endfor -%}
{%- if add_generation_prompt -%}<answer>{%- endif -%}
"""


@dataclass(frozen=True)
class Size:
    """Widths and depths: ``width`` of both halves, of their feed-forward layers twice that."""

    width: int = 96
    heads: int = 6
    layers: int = 3
    vision_layers: int = 2
    patch: int = 16

    @property
    def visual_tokens(self) -> int:
        """How many tokens an image takes."""
        return (SIDE // self.patch) ** 2


def frame(template: str | Template = TEMPLATE) -> tuple[str, str]:
    """What the template writes before and behind the question, for an image without text."""
    prompt = template_of(template).prompt(Content("?"), Content(images=(Image(path="any"),)))
    before, _, behind = (part.text for part in prompt.parts if part.image is None)
    return before, behind


def tokenizer() -> Any:
    """A word is a token, and so is each of the frame's unchanging sentences, which say nothing new."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    relations = " ".join(get_args(Relation))
    plural = [f"{shape}es" if shape.endswith("s") else f"{shape}s" for shape in SHAPES]
    words = [*COLOURS, *SHAPES, *plural, *WORDS, *NUMBERS, *relations.split()]
    words += ["where", "is", "are", "a", "and", "sign", "that", "says"]
    specials = [PAD, UNKNOWN, IMAGE, DESCRIBE, END, ANSWER]
    vocabulary = {word: at for at, word in enumerate(dict.fromkeys([*specials, YES, NO, *words]))}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in specials])
    made.add_tokens([AddedToken(text.strip(" "), normalized=False) for text in frame()])
    saved = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=made, pad_token=PAD, unk_token=UNKNOWN, eos_token=END, model_max_length=256
    )
    saved.chat_template = CHAT
    return saved


def build(size: Size, words: Any, seed: int) -> Any:
    """A ``LlavaForConditionalGeneration`` with random weights; ``words`` is its tokenizer."""
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

    image = words.convert_tokens_to_ids(IMAGE)
    text = LlamaConfig(
        vocab_size=len(words),
        hidden_size=size.width,
        intermediate_size=2 * size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.heads,
        max_position_embeddings=256,
        bos_token_id=None,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    config = LlavaConfig(
        text_config=text,
        vision_config=CLIPVisionConfig(**vision_settings(size)),
        image_token_index=image,
        image_seq_length=size.visual_tokens,
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return drawn(LlavaForConditionalGeneration(config))


def drawn(model: Any) -> Any:
    """The model with its weights drawn anew: matrices by their width, embeddings with a deviation of a half.

    With the customary 0.02 a model this narrow begins with outputs near zero, and with places that it cannot tell
    apart beside what stands there.
    """
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim >= 2 or "class_embedding" in name:
                weight.normal_(0.0, 0.5 if is_table(name) else weight[0].numel() ** -0.5)
    return model


def is_table(name: str) -> bool:
    """Whether a weight is looked up by row, and not multiplied with."""
    return "embed_tokens" in name or "token_embedding" in name or "position_embedding" in name or "class_" in name


def vision_settings(size: Size) -> dict[str, Any]:
    """The image tower's settings, for the VLM and for the bi-encoder alike."""
    return {
        "hidden_size": size.width,
        "intermediate_size": 2 * size.width,
        "num_hidden_layers": size.vision_layers,
        "num_attention_heads": size.heads,
        "image_size": SIDE,
        "patch_size": size.patch,
        "projection_dim": size.width,
    }


def save(model: Any, words: Any, size: Size, folder: Path) -> Path:
    """Writes a folder that Transformers' auto classes load with no network, and Tamis's scorer with them."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    pixels = {
        "image_processor_type": "CLIPImageProcessor",
        "processor_class": "LlavaProcessor",
        "size": {"shortest_edge": SIDE},
        "crop_size": {"height": SIDE, "width": SIDE},
        "image_mean": [MEAN] * 3,
        "image_std": [DEVIATION] * 3,
    }
    processor = {
        "processor_class": "LlavaProcessor",
        "image_token": IMAGE,
        "patch_size": size.patch,
        "num_additional_image_tokens": 1,
        "vision_feature_select_strategy": "default",
    }
    for name, content in (("preprocessor_config.json", pixels), ("processor_config.json", processor)):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return folder
