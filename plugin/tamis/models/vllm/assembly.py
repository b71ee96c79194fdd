"""Starts vLLM for a scorer and puts what reads and asks around it."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

from tamis.core.errors import BadSetting
from tamis.core.media import MediaPolicy
from tamis.models.mllm.encode import Encoder
from tamis.models.mllm.framing import chat_of, frame_of
from tamis.models.mllm.pictures import Pictures

from .checkpoint import Placeholders, checkpoint_of
from .engine import Engine
from .pooling import PoolingRuntime
from .runtime import IMAGE_THREADS, VllmRuntime

if TYPE_CHECKING:
    from tamis.models.mllm.engine import Engine as Forward

    from .scorer import VllmScorer


def assembled(scorer: "VllmScorer") -> VllmRuntime | PoolingRuntime:
    """A started engine and its prompts. Raises what ``Engine``, ``checkpoint_of`` and ``frame_of`` raise."""
    engine = Engine(scorer.arguments())
    try:
        media = cast(MediaPolicy, scorer.media)
        checkpoint = checkpoint_of(scorer.model, engine.facts.context, scorer.engine_settings)
        visual = Placeholders(checkpoint)
        if engine.facts.pools:
            if scorer.template is not None or scorer.instruction is not None:
                raise BadSetting(
                    f'the model "{scorer.model}" pools and is asked in its own wording; leave out template and '
                    "instruction"
                )
            return PoolingRuntime(
                checkpoint, visual, media, engine, _wording(scorer.engine_settings.get("chat_template"))
            )
        chat = chat_of(checkpoint, visual.wrapped())
        return VllmRuntime(
            checkpoint,
            chat,
            frame_of(checkpoint, chat, scorer.template, scorer.instruction),
            # One place is for the token that is asked for.
            Encoder(checkpoint.tokenizer, visual, chat.image, engine.facts.context - 1),
            Pictures(checkpoint.image_processor, media, IMAGE_THREADS, 0),
            # vLLM does what that engine does for Transformers.
            cast("Forward", None),
            vllm=engine,
        )
    except BaseException:
        engine.close()
        raise


def _wording(chat_template: object) -> str:
    """A chat template's text; vLLM takes a file as well."""
    if chat_template is None:
        return ""
    path = Path(str(chat_template))
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return str(chat_template)
