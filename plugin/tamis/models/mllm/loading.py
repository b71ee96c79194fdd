"""Loads a checkpoint: model, tokenizer and image processor, each apart, so that a missing one is named."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

from tamis.core.errors import BadSetting, MissingExtra, ModelUnavailable
from tamis.models.unavailable import unavailable

from .checkpoint_files import commit_of, fetch_prompt_files, folder_of, identity_of

logger = logging.getLogger(__name__)

_ENDLESS = 10**9


@dataclass(frozen=True)
class Settings:
    """What a checkpoint is loaded with; see ``TransformersScorer``."""

    model: str
    device: str | None = None
    device_map: Any = None
    dtype: str = "auto"
    quantization: Any = None
    attention: str | None = None
    local_files_only: bool = False
    trust_remote_code: bool = False


@dataclass(frozen=True)
class Checkpoint:
    """A loaded model. ``base`` is the model without its head; ``context`` the most tokens it takes.

    ``image_processor`` is None for a model that reads text only and for one whose folder lacks it; ``processor`` is
    None where Transformers cannot make the combined one here. ``folder`` has its files, for a hub's model its snapshot
    in the cache; None where there is no such. ``identity`` changes when the weights do.
    """

    name: str
    model: Any
    base: Any
    tokenizer: Any
    image_processor: Any
    processor: Any
    is_visual: bool
    context: int
    identity: str
    folder: Path | None = None

    @property
    def device(self) -> Any:
        """Where ids and features go in."""
        return self.model.get_input_embeddings().weight.device

    @property
    def text_config(self) -> Any:
        """The configuration of the language model."""
        return self.model.config.get_text_config(decoder=True)

    def takes(self, argument: str) -> bool:
        """Whether the base model's forward has such an argument."""
        return argument in signature(self.base.forward).parameters


def load(settings: Settings) -> Checkpoint:
    """The checkpoint, in evaluation mode.

    Raises MissingExtra without Transformers or a package that it asks for, BadSetting for a device that is not here,
    ModelUnavailable, naming the model and the reason, for anything that cannot be loaded.
    """
    try:
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtra("a multimodal LLM on this machine", extra="mllm") from error
    device = None if settings.device_map is not None else device_of(settings.device)
    common: dict[str, Any] = {
        "local_files_only": settings.local_files_only,
        "trust_remote_code": settings.trust_remote_code,
    }
    folder = folder_of(settings.model, common)
    if (commit := commit_of(folder)) is not None:
        # All parts are of one revision, though a new one be published meanwhile.
        common["revision"] = commit
    config = loaded(settings.model, "configuration", transformers.AutoConfig, common)
    fetch_prompt_files(settings.model, folder, common)
    kinds = transformers.models.auto.modeling_auto
    is_visual = type(config) in transformers.AutoModelForImageTextToText._model_mapping
    is_visual = is_visual or config.model_type in kinds.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
    auto = transformers.AutoModelForImageTextToText if is_visual else transformers.AutoModelForCausalLM
    more: dict[str, Any] = {
        "dtype": settings.dtype if settings.dtype == "auto" else getattr(torch, settings.dtype),
        "device_map": settings.device_map,
        "quantization_config": quantization_config(settings.quantization),
        "attn_implementation": settings.attention,
    }
    model = loaded(settings.model, "weights", auto, {**common, **{k: v for k, v in more.items() if v is not None}})
    model.eval()
    model.requires_grad_(False)
    if device is not None and settings.quantization is None:
        model.to(device)
    base = model.base_model if model.base_model is not model else getattr(model, "model", model)
    if base is model or model.get_output_embeddings() is None:
        raise ModelUnavailable(
            f'the model "{settings.model}" ({type(model).__name__}) has no language model head; one is needed to '
            "compare the answers yes and no"
        )
    tokenizer = fast_tokenizer(settings.model, settings.model, common)
    image_processor = processor = None
    if is_visual:
        image_processor = if_there(settings.model, transformers.AutoImageProcessor, common)
        processor = if_there(settings.model, transformers.AutoProcessor, common)
    return Checkpoint(
        name=settings.model,
        model=model,
        base=base,
        tokenizer=tokenizer,
        image_processor=image_processor,
        processor=processor,
        is_visual=is_visual,
        context=_context(model, tokenizer),
        identity=identity_of(settings.model, folder, model.config.to_dict()),
        folder=folder,
    )


def device_of(name: str | None) -> Any:
    """The device of that name; None is the first CUDA device, or the CPU where there is none.

    Raises BadSetting naming what there is for a device that is not here.
    """
    import torch

    here = ["cpu"] + [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        here.append("mps")
    if name is None:
        return torch.device(here[1] if here[1:] and here[1].startswith("cuda") else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BadSetting(f'there is no device "{name}"; here are: {", ".join(here)}') from error
    wanted = f"cuda:{device.index or 0}" if device.type == "cuda" else device.type
    if wanted not in here:
        raise BadSetting(f'there is no device "{name}" on this machine; here are: {", ".join(here)}')
    return device


def quantization_config(quantization: Any) -> Any:
    """Transformers' quantisation settings from a mapping of them (with "quant_method"), or as they are."""
    if not isinstance(quantization, Mapping):
        return quantization
    from transformers.quantizers.auto import AutoQuantizationConfig

    try:
        return AutoQuantizationConfig.from_dict(dict(quantization))
    except (ValueError, TypeError) as error:
        raise BadSetting(f"quantization is {dict(quantization)!r}: {error}") from error


def loaded(model: str, what: str, auto: Any, arguments: Mapping[str, Any], extra: str = "mllm") -> Any:
    """A part of a checkpoint by one of Transformers' Auto classes. Raises MissingExtra and ModelUnavailable."""
    try:
        return auto.from_pretrained(model, **arguments)
    except ImportError as error:
        raise MissingExtra(f'the {what} of "{model}" ({error})', extra=extra) from error
    except Exception as error:
        raise unavailable(f'the {what} of the model "{model}"', error) from error


def fast_tokenizer(model: str, source: str, arguments: Mapping[str, Any], extra: str = "mllm") -> Any:
    """The tokenizer in ``source`` for a model. Raises as ``loaded`` does, and where it tells no offsets."""
    import transformers

    tokenizer = loaded(source, "tokenizer", transformers.AutoTokenizer, arguments, extra)
    if not getattr(tokenizer, "is_fast", False):
        raise ModelUnavailable(f'the model "{model}" has only a slow tokenizer; one that tells offsets is needed')
    return tokenizer


def if_there(model: str, auto: Any, arguments: Mapping[str, Any]) -> Any:
    """A part of a checkpoint that it may lack; None where it does."""
    try:
        return auto.from_pretrained(model, **arguments)
    except (ImportError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        logger.debug("%s of %s is not available: %s", auto.__name__, model, error)
        return None


def _context(model: Any, tokenizer: Any) -> int:
    text = model.config.get_text_config(decoder=True)
    known = [getattr(text, "max_position_embeddings", None), getattr(tokenizer, "model_max_length", None)]
    return min([int(length) for length in known if length and length < _ENDLESS] or [8192])
