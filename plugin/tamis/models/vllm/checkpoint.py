"""What is read of a checkpoint beside the weights, which vLLM loads by itself."""

from types import SimpleNamespace
from typing import Any

from tamis.core.errors import MissingExtra
from tamis.models.mllm.checkpoint_files import fetch_prompt_files, folder_of
from tamis.models.mllm.loading import Checkpoint, fast_tokenizer, if_there, loaded
from tamis.models.mllm.visual import Expansion, VisualTokens

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
    folder = folder_of(model, common)
    config = loaded(model, "configuration", transformers.AutoConfig, common, extra="vllm")
    tokenizer = fast_tokenizer(model, engine_settings.get("tokenizer") or model, common, extra="vllm")
    fetch_prompt_files(model, folder, common)
    names = transformers.models.auto.modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
    is_visual = config.model_type in names
    return Checkpoint(
        name=model,
        model=SimpleNamespace(config=config, generation_config=None),
        base=None,
        tokenizer=tokenizer,
        image_processor=if_there(model, transformers.AutoImageProcessor, common) if is_visual else None,
        processor=if_there(model, transformers.AutoProcessor, common) if is_visual else None,
        is_visual=is_visual,
        context=context,
        identity=model,
        folder=folder,
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
