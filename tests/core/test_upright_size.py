"""An image's size from its header is the size that decoding gives."""

from io import BytesIO
from typing import Any

import PIL.Image
import pytest

from tamis.core.errors import MediaBroken, MediaTooLarge
from tamis.core.pixels import decode, upright_size

KINDS: dict[str, dict[str, Any]] = {"PNG": {}, "JPEG": {}, "WEBP": {}, "TIFF": {}, "GIF": {}, "BMP": {}, "PPM": {}}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_the_size_that_decoding_gives(kind: str, orientation: int) -> None:
    file = BytesIO()
    image = PIL.Image.new("RGB", (40, 12), "red")
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(file, kind, **({"exif": exif} if kind in ("PNG", "JPEG", "WEBP", "TIFF") else {}))
    size = upright_size(BytesIO(file.getvalue()), 1000, "it")
    assert size == decode(BytesIO(file.getvalue()), 1000, "it").size


def test_it_refuses_what_decoding_refuses() -> None:
    file = BytesIO()
    PIL.Image.new("RGB", (40, 12)).save(file, "PNG")
    with pytest.raises(MediaTooLarge, match="it has 40 x 12"):
        upright_size(BytesIO(file.getvalue()), 100, "it")
    for data in (b"no image", file.getvalue()[:20], b""):
        with pytest.raises(MediaBroken, match="it "):
            upright_size(BytesIO(data), 1000, "it")
