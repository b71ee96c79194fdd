"""Whether a passage repeats what was asked."""

import re
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+")
LEAST_WORDS = 4
"""A query of fewer words may stand in anybody's passage, word for word."""
_LOOKED_FOR = 32
"""Of how many words it is seen first whether a passage holds them at all."""


def is_echo(text: str, query: str) -> bool:
    """Whether a text holds the query word for word: four fifths of it, of four words or more, in one piece.

    The time grows with the words of both, whatever they are.

    >>> is_echo("When was the tower built? It was built in 1889.", "when was the tower built")
    True
    >>> is_echo("The tower was built in 1889.", "when was the tower built")
    False
    """
    asked = _asked(query)
    if len(asked) < LEAST_WORDS:
        return False
    need = max(LEAST_WORDS, -(-len(asked) * 4 // 5))
    spare = len(asked) - need
    lowered = text.lower()
    # Every piece that long holds the words in the middle: hardly any other passage does.
    if not all(word in lowered for word in asked[spare:need][:_LOOKED_FOR]):
        return False
    spoken = _WORD.findall(lowered)
    onward = _agreeing(asked[spare:], spoken)
    backward = _agreeing(asked[:need][::-1], spoken[::-1])[::-1]
    middle = need - spare
    return any(
        after >= middle and before + after - middle >= need
        for after, before in zip(onward, backward[middle - 1 :], strict=False)
    )


@lru_cache(maxsize=16)
def _asked(query: str) -> list[str]:
    """The words of a query, which is compared with many passages."""
    return _WORD.findall(query.lower())


def _agreeing(wanted: list[str], spoken: list[str]) -> list[int]:
    """How many of the first wanted words stand at each place of the spoken ones, shape (len(spoken),).

    The Z algorithm (Gusfield 1997): no word is compared again that lies in the piece found last.
    """
    words = [*wanted, "", *spoken]
    agreeing = [0] * len(words)
    begin = end = 0
    for at in range(1, len(words)):
        length = min(end - at, agreeing[at - begin]) if at < end else 0
        while at + length < len(words) and words[length] == words[at + length]:
            length += 1
        if at + length > end:
            begin, end = at, at + length
        agreeing[at] = length
    return agreeing[len(wanted) + 1 :]
