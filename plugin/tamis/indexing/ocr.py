"""Reads the text in an image with RapidOCR, whose models come inside its wheel."""

import functools
import logging
import os
from importlib.util import find_spec
from typing import Any

from PIL import Image as Pillow

from tamis.core.errors import MissingExtra

LONGEST_SIDE = 2000
"""Pixels; larger images are scaled down first: the detector does so anyway, and slower."""

LEAST_CONFIDENCE = 0.5
"""In [0, 1]; what the recogniser is less sure of is mostly texture taken for letters."""


def ocr_installed() -> bool:
    """Whether the ``ocr`` extra is there; nothing is imported."""
    return find_spec("rapidocr_onnxruntime") is not None


def text_in_image(picture: Pillow.Image) -> str:
    """The text in a picture, line by line; empty where there is none. Raises MissingExtra without the extra."""
    import numpy as np

    copy = picture.convert("RGB")
    copy.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    lines, _ = _engine()(np.asarray(copy)[:, :, ::-1])
    return "\n".join(text for _, text, confidence in lines or [] if float(confidence) >= LEAST_CONFIDENCE)


@functools.cache
def _engine() -> Any:
    # ONNX Runtime sends usage events and keeps a device's id unless this is set before it is imported.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        from rapidocr_onnxruntime import RapidOCR  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtra("reading the text in images", extra="ocr") from error
    engine = RapidOCR()
    # It makes a logger of its own with a handler on stderr, and warns of every image without text.
    for name in ("OrtInferSession", "RapidOCR", "rapidocr_onnxruntime"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return engine
