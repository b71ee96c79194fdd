"""Text that came from anywhere, made fit to be shown: what cannot be seen is named, what is long is cut.

Markup is not escaped here but by the templates' autoescape; this is for characters that no escaping of markup touches:
controls, direction marks, zero widths, lone surrogates, fillers.
"""

import re
import unicodedata

# Invisible, though Unicode calls them letters, marks or symbols. U+FE0F stays: it makes emoji of ordinary symbols.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0e\uffa0\U000e0100-\U000e01ef]")


def revealed(text: str) -> str:
    """The text with every character that cannot be seen named; line ends and tabs stay as they are.

    >>> revealed("pay \u202eenon\u202c\\x1b[2J now")
    'pay ⟦U+202E⟧enon⟦U+202C⟧⟦U+001B⟧[2J now'
    """
    if text.isprintable() and not _BLANK.search(text):
        return text
    return "".join(_named(one) if _is_hidden(one) else one for one in text.replace("\r\n", "\n"))


def cut(text: str, length: int) -> str:
    """The text, or its beginning and how much there is of it.

    >>> cut("abcdefgh", 5)
    'abcde… (8 characters)'
    """
    return text if len(text) <= length else f"{text[:length]}… ({len(text):,} characters)"


def _is_hidden(one: str) -> bool:
    if one in "\n\t":
        return False
    if not one.isprintable():
        return unicodedata.category(one) != "Zs"
    return _BLANK.match(one) is not None


def _named(one: str) -> str:
    return f"⟦U+{ord(one):04X}⟧"
