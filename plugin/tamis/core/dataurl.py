"""Decodes ``data:`` URLs (RFC 2397), bounded before anything is decoded."""

import base64
import binascii
from urllib.parse import unquote_to_bytes

from .errors import MediaBroken, MediaTooLarge
from .well_formed import well_formed

_LONGEST_ESCAPE = 3


def decode_data_url(url: str, max_bytes: int, source: object) -> bytes:
    """The bytes inside a ``data:`` URL. ``source`` names it in errors: MediaBroken, MediaTooLarge.

    >>> decode_data_url("data:image/gif;base64,R0lGODlh", 100, "a test")
    b'GIF89a'
    >>> decode_data_url("data:,a%20b", 100, "a test")
    b'a b'
    """
    header, comma, payload = url.partition(",")
    if not comma:
        raise MediaBroken(f"{source} has no comma, so it holds no data")
    is_base64 = header.rstrip().lower().endswith(";base64")
    # The smallest size the payload can decode to: white space and escapes aside, which only large ones would need.
    if len(payload) > max_bytes * _LONGEST_ESCAPE * 2 + 1024:
        raise MediaTooLarge(f"{source} holds {len(payload)} characters; max_bytes is {max_bytes}")
    if well_formed(payload) != payload:
        raise MediaBroken(f"{source} contains half a surrogate pair, which no URL can")
    raw = unquote_to_bytes(payload)
    if not is_base64:
        return raw
    compact = b"".join(raw.split())
    if len(compact) // 4 * 3 > max_bytes + 2:
        raise MediaTooLarge(f"{source} holds about {len(compact) // 4 * 3} bytes; max_bytes is {max_bytes}")
    try:
        # Padding is often left off in URLs, and harmless to put back.
        return base64.b64decode(compact + b"=" * (-len(compact) % 4), validate=True)
    except binascii.Error as error:
        raise MediaBroken(f"{source} is not valid base64: {error}") from error
