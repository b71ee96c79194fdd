"""In which script a text is written: a screen that never saw one has nothing to say about it."""

import re
import unicodedata
from collections import Counter
from functools import lru_cache

_READ = 400
"""Letters that are looked at: a text's script shows early."""
_ASCII = re.compile("[A-Za-z]")


@lru_cache(maxsize=20_000)
def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


def script_of(text: str) -> str | None:
    """The script of most of its first letters, by its name in Unicode; None for a text without letters.

    >>> script_of("Привет, world of words and letters"), script_of("Привет"), script_of("123")
    ('LATIN', 'CYRILLIC', None)
    """
    if text[: 4 * _READ].isascii():
        return "LATIN" if _ASCII.search(text) else None
    letters = [letter for letter in text[: 4 * _READ] if letter.isalpha()][:_READ]
    counts = Counter(_script(letter) for letter in letters)
    return counts.most_common(1)[0][0] if counts else None
