"""Finds accepted answers in a text, whole token by whole token: "9" is not in "1990"."""

import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from tamis.models.lexical import STOP_WORDS

# Scripts that write no spaces between words, and Hangul, whose particles are joined to the word: each character
# stands for itself.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u309f\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_ARTICLES = ("a", "an", "the")
# A text longer than this is not kept normalised.
_KEPT = 20_000


class Token(NamedTuple):
    """One word as it is compared (``text``), and where it stands in the original: ``[start, end)``."""

    text: str
    start: int
    end: int


_JOINED = ("Mn", "Mc", "Me", "Cf")
"""Categories of characters that belong to the word they stand in: marks, and format characters such as soft hyphens."""


@cache
def _pattern(has_joined: bool) -> re.Pattern[str]:
    """Words of letters and digits, and of marks and format characters where there are any to look for."""
    first = f"[^\\W_{_UNSPACED}]"
    more = f"(?:{first}|[{_joined_class()}])" if has_joined else first
    marks = f"[{_joined_class()}]*" if has_joined else ""
    return re.compile(
        rf"(?<![^\W_])(?:[^\W\d_]\.)+[^\W\d_](?![^\W_])"  # U.S.
        rf"|\d{{1,3}}(?:,\d{{3}})+(?!\d)(?:\.\d+)?{more}*"  # 1,000.5
        rf"|\d+(?:\.\d+)+{more}*"  # 3.14, 2.5km
        rf"|[{_UNSPACED}]{marks}"
        rf"|{first}{more}*(?:\+\+|\#)?"  # C++ is not C
    )


def tokens(text: str) -> Iterator[Token]:
    """The words of a text in order.

    Compatibility forms are made one (NFKC), letter case is folded, thousands separators and the points of "U.S." are
    taken out, accents stay. What is neither letter nor digit separates.

    >>> [token.text for token in tokens("In the U.S., 1,000 café-goers (3.5%)")]
    ['in', 'the', 'us', '1000', 'café', 'goers', '3.5']
    """
    has_joined = not text.isascii() and any(unicodedata.category(character) in _JOINED for character in set(text))
    for found in _pattern(has_joined).finditer(text):
        word = found[0]
        if not word.isascii():
            word = "".join(c for c in unicodedata.normalize("NFKC", word) if unicodedata.category(c) != "Cf")
        word = word.casefold()
        if word[0].isdigit():
            word = word.replace(",", "")
        elif "." in word:
            word = word.replace(".", "")
        if word:
            yield Token(word, found.start(), found.end())


@cache
def _joined_class() -> str:
    """All characters of those categories as ranges of a character class; finding them takes a tenth of a second."""
    codes = [code for code in range(128, sys.maxunicode + 1) if unicodedata.category(chr(code)) in _JOINED]
    starts = [code for i, code in enumerate(codes) if i == 0 or codes[i - 1] != code - 1]
    ends = [code for i, code in enumerate(codes) if i + 1 == len(codes) or codes[i + 1] != code + 1]
    return "".join(f"\\U{start:08x}-\\U{end:08x}" for start, end in zip(starts, ends, strict=True))


def normalised(text: str) -> str:
    """The words of ``tokens`` with one space between them.

    >>> normalised("  The U.S. won, 3–1!")
    'the us won 3 1'
    """
    return _remembered(text) if len(text) <= _KEPT else " ".join(token.text for token in tokens(text))


@lru_cache(maxsize=4096)
def _remembered(text: str) -> str:
    return " ".join(token.text for token in tokens(text))


def sought(answer: str) -> str:
    """An answer as it is looked for: normalised, without a leading article unless little would be left.

    >>> sought("The Beatles"), sought("The Who")
    ('beatles', 'the who')
    """
    whole = normalised(answer)
    article, _, rest = whole.partition(" ")
    return rest if article in _ARTICLES and any(word not in STOP_WORDS for word in rest.split()) else whole


def holds_answer(text: str, answers: Iterable[str]) -> bool:
    """Whether at least one of the answers stands in the text as whole words. An answer without a word never does.

    >>> holds_answer("It began in 1990.", ["9"]), holds_answer("Chapter 9.", ["9"])
    (False, True)
    >>> holds_answer("东京是日本的首都", ["东京"])
    True
    """
    within = f" {normalised(text)} "
    return any((one := sought(answer)) and f" {one} " in within for answer in answers)


def occurrences(text: str, answers: Iterable[str]) -> list[tuple[int, int]]:
    """Where answers stand in the text, ``[start, end)`` in order, none overlapping; the longest wins.

    >>> occurrences("Paris, or PARIS, France", ["Paris", "Paris France"])
    [(0, 5), (10, 23)]
    """
    words = list(tokens(text))
    wanted = sorted({tuple(one.split()) for answer in answers if (one := sought(answer))}, key=len, reverse=True)
    found, place = [], 0
    while place < len(words):
        for answer in wanted:
            if tuple(word.text for word in words[place : place + len(answer)]) == answer:
                found.append((words[place].start, words[place + len(answer) - 1].end))
                place += len(answer)
                break
        else:
            place += 1
    return found


def swapped(text: str, answers: Sequence[str], by: str) -> str:
    """The text with another string in each place where one of the answers stands.

    >>> swapped("Paris is old. I love Paris!", ["Paris"], "Lyon")
    'Lyon is old. I love Lyon!'
    """
    pieces, place = [], 0
    for start, end in occurrences(text, answers):
        pieces += [text[place:start], by]
        place = end
    return "".join([*pieces, text[place:]])
