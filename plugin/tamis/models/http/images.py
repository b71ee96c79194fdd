"""Images as data URIs: bytes that the policy allows, their type found in the bytes, their size in the header."""

import base64
from io import BytesIO

from tamis.core.errors import MediaBroken
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.core.pixels import upright_size

_TYPES = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftypavi", "image/avif"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
)


def media_type(data: bytes) -> str | None:
    """The media type by the first bytes, whatever a file is called; None for what is no image that servers take.

    >>> media_type(b"\\xff\\xd8\\xff\\xe0"), media_type(b"<svg")
    ('image/jpeg', None)
    """
    return next((kind for at, magic, kind in _TYPES if data[at : at + len(magic)] == magic), None)


def data_uri(image: Image, policy: MediaPolicy) -> str:
    """The image as ``data:image/png;base64,...``, its bytes as they are; only the header is decoded.

    Raises MediaRefused, MediaTooLarge (bytes, or pixels by the header) and MediaBroken.
    """
    data = policy.read(image)
    kind = media_type(data)
    if kind is None:
        raise MediaBroken(f"{image} is not an image of a format that servers take")
    upright_size(BytesIO(data), policy.max_pixels, image)
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
