"""Words of a text with their places, folded so that spelling tricks do not make new words of old ones."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
# Marks of no width inside a word hide it from a search for words, and from nobody who reads.
_HIDDEN = "\u00ad\u200b-\u200d\u2060\ufeff"
# Signs between letters stand for letters: "@", "$", "*", "!".
_ASCII_WORD = re.compile(r"[@$]?\w(?:[\w@$*!]*\w)?(?:'\w+)?", re.ASCII)
_LETTER = rf"(?:(?![{_CJK}])\w)"
_WORD = re.compile(rf"[{_CJK}]|[@$]?{_LETTER}(?:(?:{_LETTER}|[@$*!{_HIDDEN}])*{_LETTER})?(?:['’]{_LETTER}+)?")
_END = re.compile(r"(?<![.!?;:…])[.!?;:…]++[\s\"'”’)\]]*\s|[\n\r。！？；]")
# What ends a line or a sentence alone; of one character no more can be told.
_BREAKS = frozenset("\n\r。！？；")
_INVISIBLE = re.compile(f"[{_HIDDEN}]")
_LETTERS = str.maketrans("013457@$!", "oieastasi")
_PLAIN = re.compile(r"[a-z]+")
_ALL_DIGITS = re.compile(r"\d+(?:st|nd|rd|th|s)?")


class Word(NamedTuple):
    """A word's place in the text, what it counts as, and whether a sentence or line ends behind it."""

    begin: int
    end: int
    term: str
    ends: bool


@lru_cache(maxsize=100_000)
def folded(word: str) -> str:
    """What a word counts as: compatibility forms and case folded, accents off, digits and signs in it as letters.

    >>> folded("H4te"), folded("1990s"), folded("Café"), folded("don't")
    ('hate', '1990s', 'cafe', 'dont')
    """
    if _PLAIN.fullmatch(word):
        return word
    text = unicodedata.normalize("NFKD", _INVISIBLE.sub("", word)).casefold()
    text = "".join(one for one in text if not unicodedata.combining(one) and one not in "'’*_")
    if _ALL_DIGITS.fullmatch(text) or not any(one.isalpha() for one in text):
        return text
    return text.translate(_LETTERS)


def words(text: str) -> Iterator[Word]:
    """The words of a text in order; Chinese, Japanese and Korean ones by character.

    >>> [(word.term, word.ends) for word in words("Go on. Stop")]
    [('go', False), ('on', True), ('stop', True)]
    """
    begin = end = -1
    term = ""
    for found in (_ASCII_WORD if text.isascii() else _WORD).finditer(text):
        start = found.start()
        if begin >= 0:
            ends = start - end > 1 and _END.search(text, end, start) is not None
            yield Word(begin, end, term, ends or text[end:start] in _BREAKS)
        begin, end, term = start, found.end(), folded(found[0])
    if begin >= 0:
        yield Word(begin, end, term, True)
