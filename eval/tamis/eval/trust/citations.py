"""Citation marks in an answer: ``[1]``, ``[2, 3]``, ``[4-6]``, numbered as the passages that fed it, from 1."""

import re

# A year in brackets is no citation: at most three digits.
_MARK = re.compile(r"\[(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)\]")
_PART = re.compile(r"(\d+)(?:\s*[–-]\s*(\d+))?")
_MOST = 50


def marks(text: str) -> list[int]:
    """The numbers that a text cites, in order, as often as it does; a range stands for all within it.

    >>> marks("It rained [2]. It snowed [1, 3-5], in [1990].")
    [2, 1, 3, 4, 5]
    """
    found: list[int] = []
    for mark in _MARK.finditer(text):
        for part in _PART.finditer(mark[1]):
            first, last = int(part[1]), int(part[2] or part[1])
            found += range(first, last + 1) if 0 <= last - first < _MOST else [first, last]
    return found


def without_marks(text: str) -> str:
    """The text without its citation marks and the space before them.

    >>> without_marks("It rained [2], a lot [1, 3].")
    'It rained, a lot.'
    """
    return re.sub(rf"\s*{_MARK.pattern}", "", text).strip()


def cited_places(cited: tuple[int, ...], passages: int) -> list[int]:
    """The places, from 0, of cited passages that are there: what was not retrieved cannot be cited.

    >>> cited_places((2, 7, 0), 3)
    [1]
    """
    return [number - 1 for number in cited if 1 <= number <= passages]
