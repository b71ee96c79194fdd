"""Checkpoints of real multimodal architectures with random weights, for tests and for measuring speed."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from tamis.core.errors import BadSetting, MissingExtra

from .tiny_tokenizer import tiny_tokenizer

Family = Literal["qwen2-vl", "qwen2.5-vl", "qwen3-vl", "llava", "idefics3", "smolvlm", "qwen3"]
"""The architectures, each under Transformers' own classes; "qwen3" sees text only."""

_QWEN = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_QWEN_VISION = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
_LLAVA = ("<unk>", "<s>", "</s>", "<pad>", "<image>")
_IDEFICS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<end_of_utterance>",
    "<fake_token_around_image>",
    "<image>",
    "<global-img>",
    *(f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)),
)

_CHATML = """\
{%- for message in messages -%}
{{ '<|im_start|>' + message['role'] + '\\n' }}
{%- if message['content'] is string -%}{{ message['content'] }}
{%- else -%}
{%- for part in message['content'] -%}
{%- if part['type'] == 'image' -%}{{ '<|vision_start|><|image_pad|><|vision_end|>' }}
{%- else -%}{{ part['text'] }}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{{ '<|im_end|>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}
"""
_USER_ASSISTANT = """\
{%- for message in messages -%}
{{ message['role'].upper() + ': ' }}
{%- if message['content'] is string -%}{{ message['content'] }}
{%- else -%}
{%- for part in message['content'] -%}
{%- if part['type'] == 'image' -%}{{ '<image>\\n' }}{%- else -%}{{ part['text'] }}{%- endif -%}
{%- endfor -%}
{%- endif -%}
{{ END }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ 'ASSISTANT:' }}{%- endif -%}
"""


@dataclass(frozen=True)
class Size:
    """How large a model is: widths and depths of its two halves, and of the images it takes."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    intermediate: int
    vision_hidden: int
    vision_layers: int
    vision_heads: int
    max_length: int
    max_visual_tokens: int
    vocab: int


def tiny_mllm(
    folder: str | Path,
    family: Family = "qwen2-vl",
    *,
    seed: int = 0,
    hidden: int = 64,
    layers: int = 2,
    heads: int = 4,
    kv_heads: int = 2,
    intermediate: int | None = None,
    vision_hidden: int = 32,
    vision_layers: int = 2,
    vision_heads: int = 2,
    max_length: int = 4096,
    max_visual_tokens: int = 1280,
    vocab: int = 640,
    weight_scale: float = 0.1,
) -> Path:
    """Writes a checkpoint with random weights into ``folder`` and returns the folder.

    It holds a configuration, float32 safetensors, a byte-level BPE tokenizer with the family's own special tokens, a
    plain chat template, and an image processor's settings, so that Transformers' ``AutoTokenizer``,
    ``AutoImageProcessor`` and ``AutoModelForImageTextToText`` (``AutoModelForCausalLM`` for "qwen3") load it with no
    network. "Yes", "No", "yes", "no", "True", "False", letters and digits are single tokens. The same arguments give
    the same weights. ``vocab`` is the number of rows of the embedding; ``max_visual_tokens`` is the most that a
    Qwen-VL image is given; ``weight_scale`` is the weights' standard deviation, large enough to make outputs differ.

    What such a model says means nothing. How fast it is, and whether two ways of running it agree, means as much as
    with trained weights.

    Raises BadSetting for an unknown family or sizes that do not fit each other, MissingExtra without Transformers.
    """
    try:
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtra("a tiny multimodal model", extra="mllm") from error
    if family not in get_args(Family):
        raise BadSetting(f"no family of tiny models is called {family!r}; known: {', '.join(get_args(Family))}")
    if hidden % heads or heads % kv_heads or vision_hidden % vision_heads:
        raise BadSetting(
            f"hidden {hidden} must be a multiple of heads {heads}, heads of kv_heads {kv_heads}, "
            f"vision_hidden {vision_hidden} of vision_heads {vision_heads}"
        )
    size = Size(
        hidden=hidden,
        layers=layers,
        heads=heads,
        kv_heads=kv_heads,
        intermediate=intermediate or 4 * hidden,
        vision_hidden=vision_hidden,
        vision_layers=vision_layers,
        vision_heads=vision_heads,
        max_length=max_length,
        max_visual_tokens=max_visual_tokens,
        vocab=vocab,
    )
    recipe = _RECIPES[family]
    tokenizer = tiny_tokenizer(recipe.specials, vocab_size=vocab - len(recipe.specials) - 1)
    if tokenizer.get_vocab_size() > vocab:
        raise BadSetting(f"vocab is {vocab}; it must be at least {tokenizer.get_vocab_size()}")
    ids = {token: tokenizer.token_to_id(token) for token in recipe.specials}
    config = recipe.config(transformers, size, ids)
    auto = transformers.AutoModelForCausalLM if family == "qwen3" else transformers.AutoModelForImageTextToText
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Any = auto.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call]
        _randomise(model, weight_scale)
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(path)
    saved: Any = transformers.PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        eos_token=recipe.end,
        pad_token=recipe.pad,
        model_max_length=max_length,
        additional_special_tokens=[token for token in recipe.specials if token not in (recipe.end, recipe.pad)],
    )
    saved.chat_template = recipe.chat.replace("END", repr(recipe.turn_end))
    saved.save_pretrained(path)
    for name, content in recipe.files(size).items():
        (path / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path


def _randomise(model: Any, scale: float) -> None:
    """Draws every matrix anew: Transformers' own initialisation makes outputs of small models nearly equal."""
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim >= 2:
                parameter.normal_(0.0, scale if "embed" in name or "lm_head" in name else parameter[0].numel() ** -0.5)
            elif "bias" in name:
                parameter.normal_(0.0, 0.02)


@dataclass(frozen=True)
class _Recipe:
    """What differs between families."""

    specials: Sequence[str]
    end: str
    pad: str
    turn_end: str
    chat: str
    config: Callable[[Any, Size, dict[str, int]], Any]
    files: Callable[[Size], dict[str, Any]]


def _text(size: Size, ids: dict[str, int], end: str, pad: str) -> dict[str, Any]:
    return {
        "vocab_size": size.vocab,
        "hidden_size": size.hidden,
        "intermediate_size": size.intermediate,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.kv_heads,
        "max_position_embeddings": size.max_length,
        "bos_token_id": None,
        "eos_token_id": ids[end],
        "pad_token_id": ids[pad],
        "tie_word_embeddings": False,
    }


def _mrope(size: Size) -> dict[str, Any]:
    """Rotary positions for time, height and width: the head's half, split 1 : 1.5 : 1.5 as in the released models."""
    half = size.hidden // size.heads // 2
    side = half * 3 // 8
    return {"rope_type": "default", "rope_theta": 1_000_000.0, "mrope_section": [half - 2 * side, side, side]}


def _qwen_ids(ids: dict[str, int]) -> dict[str, int]:
    return {
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
    }


def _qwen2_vl(transformers: Any, size: Size, ids: dict[str, int]) -> Any:
    vision = {
        "depth": size.vision_layers,
        "embed_dim": size.vision_hidden,
        "hidden_size": size.hidden,
        "num_heads": size.vision_heads,
    }
    text = {**_text(size, ids, "<|im_end|>", "<|endoftext|>"), "rope_parameters": _mrope(size)}
    return transformers.Qwen2VLConfig(text_config=text, vision_config=vision, **_qwen_ids(ids))


def _qwen2_5_vl(transformers: Any, size: Size, ids: dict[str, int]) -> Any:
    vision = {
        "depth": size.vision_layers,
        "hidden_size": size.vision_hidden,
        "intermediate_size": 4 * size.vision_hidden,
        "out_hidden_size": size.hidden,
        "num_heads": size.vision_heads,
        "fullatt_block_indexes": [size.vision_layers - 1],
    }
    text = {**_text(size, ids, "<|im_end|>", "<|endoftext|>"), "rope_parameters": _mrope(size)}
    return transformers.Qwen2_5_VLConfig(text_config=text, vision_config=vision, **_qwen_ids(ids))


def _qwen3_vl(transformers: Any, size: Size, ids: dict[str, int]) -> Any:
    vision = {
        "depth": size.vision_layers,
        "hidden_size": size.vision_hidden,
        "intermediate_size": 4 * size.vision_hidden,
        "out_hidden_size": size.hidden,
        "num_heads": size.vision_heads,
        "num_position_embeddings": 256,
        "deepstack_visual_indexes": list(range(min(size.layers, size.vision_layers))),
    }
    text = {
        **_text(size, ids, "<|im_end|>", "<|endoftext|>"),
        "head_dim": size.hidden // size.heads,
        "rope_parameters": {**_mrope(size), "mrope_interleaved": True},
    }
    return transformers.Qwen3VLConfig(text_config=text, vision_config=vision, **_qwen_ids(ids))


def _llava(transformers: Any, size: Size, ids: dict[str, int]) -> Any:
    vision = {
        "model_type": "clip_vision_model",
        "hidden_size": size.vision_hidden,
        "intermediate_size": 4 * size.vision_hidden,
        "num_hidden_layers": size.vision_layers,
        "num_attention_heads": size.vision_heads,
        "image_size": 56,
        "patch_size": 14,
        "projection_dim": size.vision_hidden,
    }
    text = {"model_type": "llama", **_text(size, ids, "</s>", "<pad>")}
    return transformers.LlavaConfig(
        text_config=text,
        vision_config=vision,
        image_token_index=ids["<image>"],
        image_token_id=ids["<image>"],
        vision_feature_layer=-2 if size.vision_layers > 1 else -1,
        vision_feature_select_strategy="default",
        image_seq_length=16,
    )


def _idefics(config_class: str) -> Callable[[Any, Size, dict[str, int]], Any]:
    def config(transformers: Any, size: Size, ids: dict[str, int]) -> Any:
        vision = {
            "hidden_size": size.vision_hidden,
            "intermediate_size": 4 * size.vision_hidden,
            "num_hidden_layers": size.vision_layers,
            "num_attention_heads": size.vision_heads,
            "image_size": 56,
            "patch_size": 14,
        }
        text = {"model_type": "llama", **_text(size, ids, "<end_of_utterance>", "<|endoftext|>")}
        return getattr(transformers, config_class)(
            text_config=text,
            vision_config=vision,
            image_token_id=ids["<image>"],
            scale_factor=2,
            pad_token_id=ids["<|endoftext|>"],
        )

    return config


def _qwen3(transformers: Any, size: Size, ids: dict[str, int]) -> Any:
    text = _text(size, ids, "<|im_end|>", "<|endoftext|>")
    return transformers.Qwen3Config(**text, head_dim=size.hidden // size.heads)


def _qwen_files(patch: int, processor: str) -> Callable[[Size], dict[str, Any]]:
    def files(size: Size) -> dict[str, Any]:
        side = 2 * patch
        settings = {
            "processor_class": processor,
            "patch_size": patch,
            "temporal_patch_size": 2,
            "merge_size": 2,
            "size": {"shortest_edge": 4 * side**2, "longest_edge": size.max_visual_tokens * side**2},
            "image_mean": [0.48145466, 0.4578275, 0.40821073],
            "image_std": [0.26862954, 0.26130258, 0.27577711],
        }
        return {
            "preprocessor_config.json": {"image_processor_type": "Qwen2VLImageProcessor", **settings},
            "video_preprocessor_config.json": {"video_processor_type": "Qwen2VLVideoProcessor", **settings},
        }

    return files


def _llava_files(size: Size) -> dict[str, Any]:
    return {
        "preprocessor_config.json": {
            "image_processor_type": "CLIPImageProcessor",
            "processor_class": "LlavaProcessor",
            "size": {"shortest_edge": 56},
            "crop_size": {"height": 56, "width": 56},
        },
        "processor_config.json": {
            "processor_class": "LlavaProcessor",
            "image_token": "<image>",
            "patch_size": 14,
            "num_additional_image_tokens": 1,
            "vision_feature_select_strategy": "default",
        },
    }


def _idefics_files(name: str) -> Callable[[Size], dict[str, Any]]:
    def files(size: Size) -> dict[str, Any]:
        return {
            "preprocessor_config.json": {
                "image_processor_type": f"{name}ImageProcessor",
                "processor_class": f"{name}Processor",
                "size": {"longest_edge": 112},
                "max_image_size": {"longest_edge": 56},
                "do_image_splitting": True,
            },
            "processor_config.json": {"processor_class": f"{name}Processor", "image_seq_len": 4},
        }

    return files


def _no_files(size: Size) -> dict[str, Any]:
    return {}


_END = "<|im_end|>"
_RECIPES: dict[str, _Recipe] = {
    "qwen2-vl": _Recipe(
        (*_QWEN, *_QWEN_VISION), _END, _QWEN[0], _END, _CHATML, _qwen2_vl, _qwen_files(14, "Qwen2VLProcessor")
    ),
    "qwen2.5-vl": _Recipe(
        (*_QWEN, *_QWEN_VISION), _END, _QWEN[0], _END, _CHATML, _qwen2_5_vl, _qwen_files(14, "Qwen2_5_VLProcessor")
    ),
    "qwen3-vl": _Recipe(
        (*_QWEN, *_QWEN_VISION), _END, _QWEN[0], _END, _CHATML, _qwen3_vl, _qwen_files(16, "Qwen3VLProcessor")
    ),
    "llava": _Recipe(_LLAVA, "</s>", "<pad>", " ", _USER_ASSISTANT, _llava, _llava_files),
    "idefics3": _Recipe(
        _IDEFICS,
        "<end_of_utterance>",
        "<|endoftext|>",
        "<end_of_utterance>\n",
        _USER_ASSISTANT.replace("<image>\\n", "<image>"),
        _idefics("Idefics3Config"),
        _idefics_files("Idefics3"),
    ),
    "smolvlm": _Recipe(
        _IDEFICS,
        "<end_of_utterance>",
        "<|endoftext|>",
        "<end_of_utterance>\n",
        _USER_ASSISTANT.replace("<image>\\n", "<image>"),
        _idefics("SmolVLMConfig"),
        _idefics_files("SmolVLM"),
    ),
    "qwen3": _Recipe(_QWEN, _END, _QWEN[0], _END, _CHATML, _qwen3, _no_files),
}
