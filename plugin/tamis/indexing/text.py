"""Bytes of a text file to text, whatever the encoding."""

import codecs
import re
from typing import NamedTuple

FALLBACK = "cp1252"

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    # UTF-32's mark begins with UTF-16's, so it goes first.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"""(?:coding[:=]|encoding=["']|charset=["']?)\s*([-\w.]+)""")


class Decoded(NamedTuple):
    """A text and the encoding it was read with."""

    text: str
    encoding: str


def is_binary(head: bytes) -> bool:
    """Whether a file's first bytes are no text: a NUL without a mark of UTF-16 or UTF-32, or mostly control bytes.

    >>> is_binary(b"plain"), is_binary(b"\\x7fELF\\x00"), is_binary("é".encode("utf-16"))
    (False, True, False)
    """
    if any(head.startswith(mark) for mark, _ in _MARKS):
        return False
    control = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 for byte in head)
    return b"\0" in head or control * 10 > max(len(head), 1)


def decode(data: bytes, fallback: str = FALLBACK) -> Decoded:
    """Text by its mark, as UTF-8, by the encoding it declares, else by ``fallback`` with unreadable bytes replaced.

    >>> decode("naïve".encode()), decode("naïve".encode("latin-1")).text
    (Decoded(text='naïve', encoding='utf-8'), 'naïve')
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return Decoded(data.decode(encoding, errors="replace"), encoding)
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        pass
    if declared := _DECLARED.search(data[:1024]):
        encoding = declared[1].decode("ascii", errors="replace")
        try:
            return Decoded(data.decode(encoding), encoding)
        except (LookupError, ValueError):
            # What a file says about itself may be wrong, or name a codec that makes no text.
            pass
    return Decoded(data.decode(fallback, errors="replace"), fallback)
