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

    Raises NotApplicable for more than 40 lines, a word wider than the image, and scripts that the font does not have.
    """
    lines = _wrapped(text, _SIZE, _WIDTH - 2 * _MARGIN, _LINES)
    step = round(1.4 * _SIZE)
    return _drawn(lines, (_WIDTH, 2 * _MARGIN + step * max(1, len(lines))), _SIZE, _MARGIN, step)


def drawn_list(sentence: str) -> Image:
    """A sentence above the empty numbers 1 to 3, black on white: a PNG of 760 x 760 pixels, higher for a long one.

    The layout of FigStep's pictures (Gong et al. 2023). Raises NotApplicable for more than 13 lines, a word wider than
    the image, and scripts that Pillow's own font does not have.
    """
    lines = [*_wrapped(sentence, 56, 700, 13), "1.", "2.", "3."]
    return _drawn(lines, (760, max(760, 60 + 70 * len(lines))), 56, 30, 70)


def plain(colour: str) -> Image:
    """336 x 336 pixels of one colour, by its name: a PNG."""
    from PIL import Image as Pixels

    return _png(Pixels.new("RGB", (SIDE, SIDE), colour))


def noise(rng: Random) -> Image:
    """336 x 336 random pixels: a PNG of some 340 kB."""
    from PIL import Image as Pixels

    return _png(Pixels.frombytes("RGB", (SIDE, SIDE), rng.randbytes(SIDE * SIDE * 3)))


def _wrapped(text: str, size: int, width: int, most: int) -> list[str]:
    """The lines that a text makes in Pillow's own font."""
    from PIL import ImageFont

    if any(ord(character) > 0x17F and not 0x2010 <= ord(character) <= 0x203A for character in text):
        raise NotApplicable("Pillow's own font draws Latin letters only")
    font = ImageFont.load_default(size)
    lines: list[str] = []
    for word in text.split():
        if font.getlength(word) > width:
            raise NotApplicable(f"a word of {len(word)} characters is wider than the image")
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > most:
        raise NotApplicable(f"{len(lines)} lines do not fit an image; the most is {most}")
    return lines


def _drawn(lines: list[str], area: tuple[int, int], size: int, margin: int, step: int) -> Image:
    from PIL import Image as Pixels
    from PIL import ImageDraw, ImageFont

    font = ImageFont.load_default(size)
    pixels = Pixels.new("L", area, "white")
    draw = ImageDraw.Draw(pixels)
    for i, line in enumerate(lines):
        draw.text((margin, margin + i * step), line, fill="black", font=font)
    return _png(pixels)


def _png(pixels: "PIL.Image.Image") -> Image:
    file = BytesIO()
    # Noise does not get smaller by trying harder, and the rest is small anyway.
    pixels.save(file, "PNG", compress_level=1)
    return Image(data=file.getvalue())
