"""Pictures for tests, drawn with the standard library alone."""

import struct
import zlib


def png(red: int, green: int, blue: int, side: int = 8) -> bytes:
    """A picture of one colour, ``side`` pixels square, as PNG bytes; the same bytes every time.

    >>> png(255, 0, 0)[:4]
    b'\\x89PNG'
    """

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = (b"\x00" + bytes((red, green, blue)) * side) * side
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
