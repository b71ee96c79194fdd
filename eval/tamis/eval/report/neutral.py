"""Other people's text in our files: shown as it is, and unable to steer a terminal, a page, a table or a parser."""

import json
import unicodedata
from typing import Any

# Cc: ESC, BEL, C1 codes. Cf: bidirectional marks and invisible ones. Cs, Cn, Co: what XML refuses or no font has.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"})
# A joiner inside a word of Persian or an emoji is harmless, and without it the word is another.
_HARMLESS = frozenset("\n\t\u200c\u200d")
_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")


def visible(text: str) -> str:
    """Control, bidirectional and invisible characters as escapes; line ends and tabs stay.

    What is left is allowed in XML 1.0.

    >>> visible("a\\x1b[31mred\\u202e\\n")
    'a\\\\x1b[31mred\\\\u202e\\n'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        if character in _HARMLESS or unicodedata.category(character) not in _UNSAFE
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def json_text(document: Any) -> str:
    """Strict JSON, indented, in which control, bidirectional and invisible characters are JSON's own escapes.

    It reads back as the same. Raises ValueError for a number that is not finite.

    >>> print(json_text(["ü\u202e"]))
    [
     "ü\\u202e"
    ]
    """
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1)
    if text.isascii():
        return text  # the codes below 32 are escaped already
    return "".join(
        character
        if character in _HARMLESS or unicodedata.category(character) not in _UNSAFE
        else json.dumps(character)[1:-1]
        for character in text
    )


def one_line(text: str, length: int = 300) -> str:
    """White space folded, cut at ``length`` characters, made visible.

    >>> one_line("first\\n\\n  second", 9)
    'first se…'
    """
    # Folding splits on every kind of space; a text of megabytes is not folded whole for a preview.
    folded = " ".join(text[: 4 * length].split())
    return visible(folded if len(folded) <= length and len(text) <= 4 * length else f"{folded[: length - 1].rstrip()}…")


def cell(text: str, length: int = 2000) -> str:
    """A table's cell that no spreadsheet takes for a formula: an apostrophe stands before what would start one.

    >>> cell("=1+1"), cell("  @SUM(A1)"), cell("plain")
    ("'=1+1", "'  @SUM(A1)", 'plain')
    """
    shown = visible(text if len(text) <= length else f"{text[: length - 1]}…")
    return f"'{shown}" if shown[:1] in _FORMULA or shown.lstrip()[:1] in _FORMULA else shown


def code(text: str, length: int = 300) -> str:
    """A Markdown code span, in which nothing is a link, a tag, a mention or the end of a table's cell.

    >>> code("[a](http://b)"), code("`x` | y"), code("")
    ('`[a](http://b)`', '`` `x` \\\\| y ``', '(empty)')
    """
    shown = one_line(text, length).replace("|", "\\|")
    if not shown:
        return "(empty)"
    longest = run = 0
    for character in shown:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    if not longest:
        return f"`{shown}`"
    fence = "`" * (longest + 1)
    return f"{fence} {shown} {fence}"
