"""Decodes image files into plain RGB pixels, with the size checked in the header before anything is decoded."""

import math
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING

from .errors import MediaBroken, MediaTooLarge

if TYPE_CHECKING:
    import PIL.Image
    import PIL.ImageFile

# Formats that name themselves in their first bytes, that Pillow decodes in this process (EPS starts another
# program) and whose header tells the size of what will be decoded (ICO's does not).
FORMATS = {
    "PNG": "Png",
    "JPEG": "Jpeg",
    "GIF": "Gif",
    "WEBP": "WebP",
    "AVIF": "Avif",
    "BMP": "Bmp",
    "TIFF": "Tiff",
    "PPM": "Ppm",
}
_PREFIX = 16
_FILTERS = Lock()


def decode(file: BytesIO, max_pixels: int, source: object) -> "PIL.Image.Image":
    """The first frame as an upright 8-bit RGB image, transparency laid on white; ``source`` names it in errors.

    Raises MediaTooLarge for more than ``max_pixels`` pixels, MediaBroken for anything that does not decode whole.
    """
    import PIL.Image

    try:
        opened = _open_header(file)
        if opened is None:
            raise MediaBroken(f"{source} is not an image of a known format ({', '.join(FORMATS)})")
        with opened:
            _check_pixels(opened.size, max_pixels, source)
            with _unwarned() if _is_large_for_pillow(opened) else nullcontext():
                opened.load()
            _check_pixels(opened.size, max_pixels, source)
            return _to_rgb(_upright(opened))
    except (MediaBroken, MediaTooLarge):
        raise
    except PIL.Image.DecompressionBombError as error:
        raise MediaTooLarge(f"{source} is larger than Pillow decodes (PIL.Image.MAX_IMAGE_PIXELS): {error}") from error
    except Exception as error:
        # Decoders meet hostile bytes with whatever comes up: OSError, SyntaxError, struct.error, zlib.error, ...
        raise MediaBroken(f"{source} cannot be decoded: {str(error) or type(error).__name__}") from error


def upright_size(file: BytesIO, max_pixels: int, source: object) -> tuple[int, int]:
    """Width and height that ``decode`` will give, from the header alone; ``source`` names the image in errors.

    An orientation that is written behind the pixels, as PNG allows, is not seen. Raises what ``decode`` raises.
    """
    try:
        opened = _open_header(file)
        if opened is None:
            raise MediaBroken(f"{source} is not an image of a known format ({', '.join(FORMATS)})")
        with opened:
            _check_pixels(opened.size, max_pixels, source)
            width, height = opened.size
            return (height, width) if _is_sideways(opened) else (width, height)
    except (MediaBroken, MediaTooLarge):
        raise
    except Exception as error:
        raise MediaBroken(f"{source} cannot be decoded: {str(error) or type(error).__name__}") from error


def _is_sideways(image: "PIL.Image.Image") -> bool:
    """Whether the EXIF data swap width and height; False where they are missing or broken."""
    if image.format == "TIFF":
        # Pillow turns these by itself, and tells the size that they will have.
        return False
    try:
        return int(image.getexif().get(0x0112, 1)) in (5, 6, 7, 8)
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, OSError, struct.error, Warning):
        return False


def _open_header(file: BytesIO) -> "PIL.ImageFile.ImageFile | None":
    """The image with only its header read, or None when no format recognises it.

    Not PIL.Image.open: that warns and raises by a global pixel limit of its own, where the policy's is meant.
    """
    import PIL.Image

    prefix = file.read(_PREFIX)
    failure: Exception | None = None
    for name, plugin in FORMATS.items():
        import_module(f"PIL.{plugin}ImagePlugin")
        if name not in PIL.Image.OPEN:
            continue
        factory, accepts = PIL.Image.OPEN[name]
        # A string is a format Pillow knows but was built without.
        if accepts is None or accepts(prefix) is not True:
            continue
        file.seek(0)
        try:
            # GIF compares each frame with Pillow's limit while it reads the header; others do when they load, or never.
            with _unwarned() if name == "GIF" else nullcontext():
                return factory(file, "")
        except (SyntaxError, IndexError, TypeError, struct.error) as error:
            failure = error
    if failure is not None:
        raise failure
    return None


def _is_large_for_pillow(image: "PIL.Image.Image") -> bool:
    import PIL.Image

    limit = PIL.Image.MAX_IMAGE_PIXELS
    return limit is not None and image.width * image.height > limit


@contextmanager
def _unwarned() -> Iterator[None]:
    """Keeps Pillow's own warning of large images quiet; one thread at a time, for warning filters are global."""
    import PIL.Image

    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
        yield


def _check_pixels(size: tuple[int, int], max_pixels: int, source: object) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise MediaBroken(f"{source} says it is {width} x {height} pixels")
    if width * height > max_pixels:
        raise MediaTooLarge(f"{source} has {width} x {height} = {width * height} pixels; max_pixels is {max_pixels}")


def _upright(image: "PIL.Image.Image") -> "PIL.Image.Image":
    """The image turned as its EXIF data say; as it is where those are missing or broken."""
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(image)
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, OSError, struct.error, Warning):
        return image


def _to_rgb(image: "PIL.Image.Image") -> "PIL.Image.Image":
    import PIL.Image

    if image.mode.startswith(("I", "F")):
        image = _to_grey(image)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        page = PIL.Image.new("RGBA", layer.size, "white")
        return PIL.Image.alpha_composite(page, layer).convert("RGB")
    return image.convert("RGB") if image.mode != "RGB" else image.copy()


def _to_grey(image: "PIL.Image.Image") -> "PIL.Image.Image":
    """8-bit grey from 16-bit, 32-bit or floating samples, which Pillow would cut off at 255 instead of scaling."""
    import PIL.Image

    wide = image.convert("F")
    low, high = _extremes(wide)
    if not math.isfinite(high - low):
        raise ValueError("samples that are no finite numbers")
    if image.mode.startswith("I;16"):
        low, high = 0.0, 65535.0
    elif image.mode == "F" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    elif low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
    if high <= low:
        # The same sample everywhere, outside of every usual range.
        return PIL.Image.new("L", image.size, 255 if low > 0 else 0)
    scale = 255.0 / (high - low)
    return wide.point(lambda sample: sample * scale + (0.5 - low * scale)).convert("L")


def _extremes(image: "PIL.Image.Image") -> tuple[float, float]:
    extremes = image.getextrema()
    low, high = extremes[0], extremes[1]
    if isinstance(low, tuple) or isinstance(high, tuple):
        raise ValueError(f"mode {image.mode} has more than one channel")
    return float(low), float(high)
