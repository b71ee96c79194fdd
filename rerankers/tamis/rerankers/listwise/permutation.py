"""What a listwise model wrote, read as a permutation: repaired where it can be, counted, never guessed."""

import re
from typing import NamedTuple

_THOUGHT = re.compile(r"</?think(?:ing)?>", re.IGNORECASE)
_NUMBER = r"\d{1,4}(?!\d)"
_BRACKETED = rf"\[\s*{_NUMBER}\s*\]"
_CHAINS = tuple(re.compile(rf"(?<!\d){one}(?:\s*>\s*{one})+") for one in (_BRACKETED, _NUMBER))
_LISTS = tuple(re.compile(rf"(?:{one}|[\s,;>.])+") for one in (_BRACKETED, _NUMBER))


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
    """Reads "[2] > [1] > [3]": ids from 1 to ``count``, in brackets or bare.

    The longest chain counts, the last of several; without any, a list of ids and nothing else. Ids that do not exist
    and repeated ones are dropped, omitted ones are put behind in the order they came in. Numbers in running text are
    no ids, with brackets neither, and what a model thought before it answered (``<think>``) is not its answer.

    >>> parsed("[2] > [9] > [2] > [1]", 3)
    Permutation(order=(1, 0, 2), unknown=1, repeated=1, omitted=1)
    >>> parsed("I like 2 of them, such as [1].", 3).order is None
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
    answer = _answer(text)
    for chain in _CHAINS:
        if chains := [_numbers(one[0]) for one in chain.finditer(answer)]:
            longest = max(map(len, chains))
            return next(one for one in reversed(chains) if len(one) == longest)
    return _numbers(answer) if any(one.fullmatch(answer) for one in _LISTS) else []


def _answer(text: str) -> str:
    """What is written outside of the marks of thinking.

    A mark that closes nothing ends a thought that the prompt began; one that is not closed begins one that was cut off.
    """
    kept: list[str] = []
    start, thinking = 0, False
    for mark in _THOUGHT.finditer(text):
        if mark[0].startswith("</"):
            # All before it was thought, unless it closes a mark that stands there.
            kept = kept if thinking else []
            thinking = False
        elif not thinking:
            kept.append(text[start : mark.start()])
            thinking = True
        start = mark.end()
    return "\n".join(kept if thinking else [*kept, text[start:]])


def _numbers(text: str) -> list[int]:
    return [int(one) for one in re.findall(r"\d+", text)]
