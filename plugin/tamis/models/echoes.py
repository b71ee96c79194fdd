"""Whether a passage repeats what was asked."""

import re

_WORD = re.compile(r"[^\W_]+")
LEAST_WORDS = 4
"""A query of fewer words may stand in anybody's passage, word for word."""


def is_echo(text: str, query: str) -> bool:
    """Whether a text holds the query word for word: four fifths of it, of four words or more, in one piece.

    >>> is_echo("When was the tower built? It was built in 1889.", "when was the tower built")
    True
    >>> is_echo("The tower was built in 1889.", "when was the tower built")
    False
    """
    asked = _WORD.findall(query.lower())
    if len(asked) < LEAST_WORDS:
        return False
    need = max(LEAST_WORDS, -(-len(asked) * 4 // 5))
    lowered = text.lower()
    # Every piece that long holds the words in the middle: hardly any other passage does.
    if not all(word in lowered for word in asked[len(asked) - need : need]):
        return False
    spoken = f" {' '.join(_WORD.findall(lowered))} "
    return any(f" {' '.join(asked[at : at + need])} " in spoken for at in range(len(asked) - need + 1))
