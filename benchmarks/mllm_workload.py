"""What the MLLM benchmark scores: pictures and texts of chosen lengths, the same for the same seed."""

import io
import math
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tamis.core.content import Content
from tamis.core.image import Image

VISUAL = (64, 1024)
TEXT = (10, 400)
SIDE = 28
"""Pixels a side that become one visual token in Qwen2-VL: patches of 14, merged two by two."""

_WORDS = """
river engine winter market doctor signal copper garden letter island window bridge summer forest kitchen paper number
planet silver village history machine pattern colour station harbour valley theatre journey morning
"""


class Lengths(NamedTuple):
    """How long one candidate is, in tokens."""

    visual: int
    text: int


class Grid(NamedTuple):
    """A picture's size in visual tokens; its pixels are SIDE times that."""

    rows: int
    columns: int


def spread(low: int, high: int, count: int) -> list[int]:
    """``count`` whole numbers from low to high, both among them, evenly spaced in their logarithms.

    >>> spread(10, 1000, 3)
    [10, 100, 1000]
    """
    if count == 1:
        return [round(math.sqrt(low * high))]
    return [round(low * (high / low) ** (at / (count - 1))) for at in range(count)]


def grid_of(visual: int) -> Grid:
    """The picture nearest to ``visual`` tokens, between square and two to one; exact where it can be.

    >>> grid_of(256)
    Grid(rows=16, columns=16)
    """
    root = math.isqrt(visual)
    sizes = [
        Grid(rows, columns)
        for rows in range(max(1, math.ceil(root / 1.5)), root + 1)
        for columns in {visual // rows, -(-visual // rows)}
        if rows <= columns <= 2 * rows
    ]
    return min(sizes, key=lambda grid: (abs(grid.rows * grid.columns - visual), grid.columns - grid.rows))


def mixture(count: int, seed: int, visual: tuple[int, int] = VISUAL, text: tuple[int, int] = TEXT) -> list[Lengths]:
    """Candidates of mixed lengths: each range is covered evenly in its logarithm, paired and ordered at random."""
    rng = random.Random(seed)
    pictures = [math.prod(grid_of(wanted)) for wanted in spread(*visual, count)]
    texts = spread(*text, count)
    rng.shuffle(pictures)
    rng.shuffle(texts)
    return [Lengths(*lengths) for lengths in zip(pictures, texts, strict=True)]


def picture(grid: Grid, seed: int) -> bytes:
    """A JPEG of a smooth random picture that becomes rows times columns visual tokens."""
    import numpy as np
    import PIL.Image

    rough = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    size = (grid.columns * SIDE, grid.rows * SIDE)
    file = io.BytesIO()
    PIL.Image.fromarray(rough).resize(size, PIL.Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


def text_of(length: int, tokens: Callable[[str], int], seed: int) -> str:
    """Words that are ``length`` tokens long, as ``tokens`` counts them, or the nearest that can be made from below."""
    rng, words = random.Random(seed), _WORDS.split()
    text = rng.choice(words)
    while tokens(text) < length:
        text += f" {rng.choice(words)}"
    while len(text) > 1 and (tokens(text) > length or text.endswith(" ")):
        text = text[:-1]
    return text


def passages(lengths: Sequence[Lengths], tokens: Callable[[str], int], seed: int) -> list[Content]:
    """One passage of text and picture for each entry; no text where its length is 0."""
    return [
        Content(
            text_of(one.text, tokens, seed * 10_000 + at) if one.text else "",
            (Image(data=picture(grid_of(one.visual), seed * 10_000 + at)),),
        )
        for at, one in enumerate(lengths)
    ]
