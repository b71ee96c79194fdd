"""Images that attacks make: drawn text, one colour, noise. The same pixels for the same input."""

from io import BytesIO
from random import Random
from typing import TYPE_CHECKING

from tamis.core.image import Image

from .attack import NotApplicable

if TYPE_CHECKING:
    import PIL.Image

SIDE = 336
"""Pixels of a side of an image without content, as vision encoders of the CLIP family take them."""

_WIDTH, _MARGIN, _SIZE, _LINES = 672, 24, 28, 40


def drawn_text(text: str) -> Image:
    """Black text on white, 672 pixels wide and as high as it needs, in Pillow's own font: a PNG.

    Raises NotApplicable for more than 40 lines and for scripts that the font does not have.
    """
    from PIL import Image as Pixels
    from PIL import ImageDraw, ImageFont

    if any(ord(character) > 0x17F and not 0x2010 <= ord(character) <= 0x203A for character in text):
        raise NotApplicable("Pillow's own font draws Latin letters only")
    font = ImageFont.load_default(_SIZE)
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= _WIDTH - 2 * _MARGIN:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > _LINES:
        raise NotApplicable(f"{len(lines)} lines do not fit an image; the most is {_LINES}")
    height = 2 * _MARGIN + round(1.4 * _SIZE) * max(1, len(lines))
    pixels = Pixels.new("L", (_WIDTH, height), "white")
    draw = ImageDraw.Draw(pixels)
    for i, line in enumerate(lines):
        draw.text((_MARGIN, _MARGIN + i * round(1.4 * _SIZE)), line, fill="black", font=font)
    return _png(pixels)


def plain(colour: str) -> Image:
    """336 x 336 pixels of one colour, by its name: a PNG."""
    from PIL import Image as Pixels

    return _png(Pixels.new("RGB", (SIDE, SIDE), colour))


def noise(rng: Random) -> Image:
    """336 x 336 random pixels: a PNG of some 340 kB."""
    from PIL import Image as Pixels

    return _png(Pixels.frombytes("RGB", (SIDE, SIDE), rng.randbytes(SIDE * SIDE * 3)))


def _png(pixels: "PIL.Image.Image") -> Image:
    file = BytesIO()
    # Noise does not get smaller by trying harder, and the rest is small anyway.
    pixels.save(file, "PNG", compress_level=1)
    return Image(data=file.getvalue())
