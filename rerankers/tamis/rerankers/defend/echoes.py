"""Whether a passage repeats what was asked."""

import re

_WORD = re.compile(r"[^\W_]+")
LEAST_WORDS = 4
"""A query of fewer words may stand in anybody's passage, word for word."""


def is_echo(text: str, query: str) -> bool:
    """Whether a text holds the query, or nearly all of it, word for word.

    >>> is_echo("When was the tower built? It was built in 1889.", "when was the tower built")
    True
    >>> is_echo("The tower was built in 1889.", "when was the tower built")
    False
    """
    asked = _WORD.findall(query.lower())
    if len(asked) < LEAST_WORDS:
        return False
    need = max(LEAST_WORDS, -(-len(asked) * 4 // 5))
    spoken = f" {' '.join(_WORD.findall(text.lower()))} "
    return any(f" {' '.join(asked[at : at + need])} " in spoken for at in range(len(asked) - need + 1))
