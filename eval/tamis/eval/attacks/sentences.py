"""Cuts a text into sentences."""

import re

_END = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+(?=[^\sa-z])|(?<=[。！？])|\n+")


def sentences(text: str) -> list[str]:
    """The sentences of a text, in order, without the white space around them.

    A sentence ends at a full stop, question or exclamation mark before a space and anything but a small letter, at
    their wide forms, and at the end of a line.

    >>> sentences("It rains, e.g. today. Stay in!")
    ['It rains, e.g. today.', 'Stay in!']
    """
    return [one for piece in _END.split(text) if (one := piece.strip())]
