"""What is read of a checkpoint beside the weights, which vLLM loads by itself."""

import logging
from types import SimpleNamespace
from typing import Any

from tamis.core.errors import MissingExtra, ModelUnavailable
from tamis.models.mllm.loading import Checkpoint
from tamis.models.mllm.visual import Expansion, VisualTokens
from tamis.models.unavailable import unavailable

logger = logging.getLogger(__name__)

_HANDED_ON = ("revision", "trust_remote_code")


def checkpoint_of(model: str, context: int, engine_settings: Any) -> Checkpoint:
    """Configuration, tokenizer and image processor of a checkpoint, without a model; ``context`` is vLLM's limit.

    Raises MissingExtra without Transformers (vLLM brings it), ModelUnavailable, naming the model, for what does not
    load.
    """
    try:
        import transformers
    except ImportError as error:
        raise MissingExtra("vLLM in this process", extra="vllm") from error
    common = {name: engine_settings[name] for name in _HANDED_ON if name in engine_settings}
    config = _loaded(model, "configuration", transformers.AutoConfig, common)
    source = engine_settings.get("tokenizer") or model
    tokenizer = _loaded(source, "tokenizer", transformers.AutoTokenizer, common)
    if not getattr(tokenizer, "is_fast", False):
        raise ModelUnavailable(f'the model "{model}" has only a slow tokenizer; one that tells offsets is needed')
    names = transformers.models.auto.modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
    is_visual = config.model_type in names
    return Checkpoint(
        name=model,
        model=SimpleNamespace(config=config, generation_config=None),
        base=None,
        tokenizer=tokenizer,
        image_processor=_optional(model, transformers.AutoImageProcessor, common) if is_visual else None,
        processor=_optional(model, transformers.AutoProcessor, common) if is_visual else None,
        is_visual=is_visual,
        context=context,
        identity=model,
    )


class Placeholders(VisualTokens):
    """Shows an image as its one token, which vLLM replaces by what the model's own processor writes.

    What is written is counted all the same, so that a prompt is cut where it would be too long.
    """

    def expansion(self, width: int, height: int) -> Expansion:
        """The image token as many times as the true expansion has tokens: it is put into a prompt once."""
        text, tokens = super().expansion(width, height)
        if len(text) != len(self.token) * tokens:
            tokens = len(self.checkpoint.tokenizer(text, add_special_tokens=False)["input_ids"])
        return Expansion(self.token * tokens, tokens)


def _loaded(model: str, what: str, auto: Any, arguments: dict[str, Any]) -> Any:
    try:
        return auto.from_pretrained(model, **arguments)
    except ImportError as error:
        raise MissingExtra(f'the {what} of "{model}" ({error})', extra="vllm") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise unavailable(f'the {what} of the model "{model}"', error) from error


def _optional(model: str, auto: Any, arguments: dict[str, Any]) -> Any:
    try:
        return auto.from_pretrained(model, **arguments)
    except (ImportError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        logger.debug("%s of %s is not available: %s", auto.__name__, model, error)
        return None
