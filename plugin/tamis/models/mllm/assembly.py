"""Puts a scorer's parts together around a checkpoint."""

import logging
import os
from typing import TYPE_CHECKING

from tamis.models.byte_lru import ByteLRU

from .encode import Encoder
from .engine import Engine
from .framing import chat_of, frame_of
from .head import Head
from .loading import load
from .pictures import Pictures, prepared_for
from .prefix import why_not_reusable
from .runtime import Runtime
from .vision import Vision
from .vision_folder import VisionFolder
from .visual import VisualTokens

if TYPE_CHECKING:
    from .scorer import TransformersScorer

logger = logging.getLogger(__name__)

CPU_BUDGET, GPU_BUDGET = 1024, 16_384
# Starting a batch of a model of 2B on an H200 takes as long as computing this many tokens.
CPU_OVERHEAD, GPU_OVERHEAD = 48, 2048
CPU_AHEAD, GPU_AHEAD = 1, 3


def assembled(scorer: "TransformersScorer") -> Runtime:
    """Loads the scorer's checkpoint and makes what it works with. Raises what ``load`` and ``frame_of`` raise."""
    checkpoint = load(scorer.loading())
    visual = VisualTokens(checkpoint)
    chat = chat_of(checkpoint, visual.wrapped())
    frame = frame_of(checkpoint, chat, scorer.template, scorer.instruction)
    length = min(scorer.max_length or checkpoint.context, checkpoint.context)
    on_cpu = checkpoint.device.type == "cpu"
    folder = scorer.vision_cache_folder
    pictures = Pictures(
        checkpoint.image_processor,
        scorer.media,  # type: ignore[arg-type]
        scorer.image_workers or (4 if on_cpu else max(4, min(16, os.cpu_count() or 4))),
        scorer.pixel_cache,
        prepared=prepared_for(checkpoint),
    )
    reason = why_not_reusable(checkpoint.text_config)
    if reason is not None:
        logger.warning("%s: keys and values of prefixes are not kept: %s", checkpoint.name, reason)
    engine = Engine(
        checkpoint=checkpoint,
        head=Head(checkpoint),
        pictures=pictures,
        vision=Vision(
            checkpoint,
            scorer.vision_cache,
            None if folder is None else VisionFolder(folder, scorer.vision_cache_folder_bytes),
        ),
        prefixes=ByteLRU(scorer.kv_cache),
        budget=scorer.token_budget or (CPU_BUDGET if on_cpu else GPU_BUDGET),
        overhead=CPU_OVERHEAD if on_cpu else GPU_OVERHEAD,
        ahead=CPU_AHEAD if on_cpu else GPU_AHEAD,
        reuse=reason is None,
    )
    encoder = Encoder(checkpoint.tokenizer, visual, chat.image, length)
    return Runtime(checkpoint, chat, frame, encoder, pictures, engine)
