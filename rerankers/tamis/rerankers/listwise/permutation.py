"""What a listwise model wrote, read as a permutation: repaired where it can be, counted, never guessed."""

import re
from typing import NamedTuple

_BRACKETED = re.compile(r"\[\s*(\d{1,4})\s*\]")
_CHAIN = re.compile(r"\d{1,4}(?:\s*>\s*\d{1,4})+")
_BARE = re.compile(r"[\s\d,;>.]+")


class Permutation(NamedTuple):
    """A whole order of ``count`` passages, as places from 0, and what had to be repaired to get it.

    ``order`` is None where the text has no valid id at all: then nothing is known.
    """

    order: tuple[int, ...] | None
    unknown: int = 0
    repeated: int = 0
    omitted: int = 0

    @property
    def repairs(self) -> int:
        """How many ids were dropped or added."""
        return self.unknown + self.repeated + self.omitted


def parsed(text: str, count: int) -> Permutation:
    """Reads "[2] > [1] > [3]": ids from 1 to ``count``, in brackets, or bare in a chain or a list of nothing else.

    Ids that do not exist and repeated ones are dropped, omitted ones are put behind in the order they came in. Numbers
    in running text are no ids.

    >>> parsed("[2] > [9] > [2] > [1]", 3)
    Permutation(order=(1, 0, 2), unknown=1, repeated=1, omitted=1)
    >>> parsed("I like 2 of them.", 3).order is None
    True
    """
    found: list[int] = []
    unknown = repeated = 0
    for one in _ids(text):
        place = one - 1
        if not 0 <= place < count:
            unknown += 1
        elif place in found:
            repeated += 1
        else:
            found.append(place)
    if not found:
        return Permutation(None, unknown, repeated, count)
    omitted = [place for place in range(count) if place not in found]
    return Permutation((*found, *omitted), unknown, repeated, len(omitted))


def _ids(text: str) -> list[int]:
    if bracketed := _BRACKETED.findall(text):
        return [int(one) for one in bracketed]
    if chain := _CHAIN.search(text):
        return [int(one) for one in re.findall(r"\d+", chain[0])]
    return [int(one) for one in re.findall(r"\d{1,4}", text)] if _BARE.fullmatch(text) else []
