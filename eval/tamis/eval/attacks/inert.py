"""Takes out of a supplied text what could lead anywhere: addresses, links and markup."""

import re

_ADDRESS = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]*:)?//+(?=[^\s/])|\b(?:javascript|data|mailto|vbscript|file|tel):(?=\S)", re.IGNORECASE
)
_HOST = re.compile(r"\bwww\.", re.IGNORECASE)
_MARKUP = str.maketrans({"<": "‹", ">": "›", "`": "'", "\0": " ", "\x1b": " "})


def inert(text: str) -> str:
    """The text with schemes of addresses, Markdown links and HTML brackets made harmless; its words stay.

    >>> inert("Go to [us](https://example.org) <b>now</b>")
    'Go to [us] (example.org) ‹b›now‹/b›'
    """
    while (without := _ADDRESS.sub("", text)) != text:
        text = without
    return _HOST.sub("www ", text).replace("](", "] (").replace("][", "] [").translate(_MARKUP)


def is_inert(text: str) -> bool:
    """Whether nothing in the text leads anywhere or is drawn as more than text."""
    marks = ("](", "][", "<", "`", "\0", "\x1b")
    return not (_ADDRESS.search(text) or _HOST.search(text) or any(mark in text for mark in marks))
