"""Harmless text of a given length: what stands in a control where the attack stands in the attack."""

from collections.abc import Sequence
from random import Random

from .answers import holds_answer
from .attack import NotApplicable
from .material import Material
from .sentences import sentences
from .wordings import wordings


def unrelated(count: int, material: Material, rng: Random) -> list[str]:
    """The sentences of ``count`` documents drawn at random, in random order, and plain facts behind them."""
    pool = [one for document in material.drawn(count, rng) for one in sentences(document.content.text)]
    rng.shuffle(pool)
    facts = list(wordings("facts"))
    rng.shuffle(facts)
    return list(dict.fromkeys([*pool, *facts]))


def fillers(lengths: Sequence[int], material: Material, rng: Random, avoid: Sequence[str]) -> list[str]:
    """For each length, sentences on other subjects, cut at the space nearest to that many characters.

    None holds what is to be avoided. Raises NotApplicable where everything at hand does.
    """
    pieces = unrelated(8 + 4 * len(lengths), material, rng)
    starts = [i * len(pieces) // max(1, len(lengths)) for i in range(len(lengths))]
    return [
        joined(length, pieces[start:] + pieces[:start], avoid) for length, start in zip(lengths, starts, strict=True)
    ]


def joined(length: int, pieces: Sequence[str], avoid: Sequence[str]) -> str:
    """Pieces one after the other, over again where they do not reach, cut at the space nearest to ``length``.

    >>> joined(13, ["one two three", "four five"], [])
    'one two three'
    >>> joined(20, ["one two three"], ["three one"])
    Traceback (most recent call last):
        ...
    tamis.eval.attacks.attack.NotApplicable: no harmless text of 20 characters can be made of what is at hand
    """
    text = ""
    while len(text) < length:
        before = len(text)
        for piece in pieces:
            longer = f"{text} {piece}".strip()
            if not holds_answer(longer, avoid):
                text = longer
            if len(text) >= length:
                break
        if len(text) == before:
            raise NotApplicable(f"no harmless text of {length} characters can be made of what is at hand")
    return cut(text, length)


def cut(text: str, length: int) -> str:
    """The beginning of a text up to the space nearest to ``length``; at least one word.

    >>> cut("one two three", 8)
    'one two'
    """
    if len(text) <= length:
        return text
    before, after = text.rfind(" ", 0, length + 1), text.find(" ", length)
    ends = [end for end in (before, len(text) if after < 0 else after) if end > 0]
    return text[: min(ends, key=lambda end: abs(end - length))].rstrip()
