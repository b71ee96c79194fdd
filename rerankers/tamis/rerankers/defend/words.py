"""The words of a text that say what it is about."""

import re
import string

from tamis.models.lexical import STOP_WORDS

_WORD = re.compile(r"[^\W_]+")
_SPACES = str.maketrans(dict.fromkeys(string.punctuation, " "))
# Words that place or turn a meaning count for BM25 and for nothing here: they say nothing of what a text is about.
_LITTLE = STOP_WORDS | frozenset(
    """
    after all also any before between both down few further let like may no nor not now off once one out over please
    under until up
    """.split()  # noqa: SIM905 - a list of quoted words is harder to read
)


def content_words(text: str) -> frozenset[str]:
    """A text's words in lower case, but for function words, single letters and a plural's s.

    >>> sorted(content_words("What is the capital of the two Congos?"))
    ['capital', 'congo', 'two']
    """
    words = set(text.lower().translate(_SPACES).split()) if text.isascii() else set(_WORD.findall(text.lower()))
    return frozenset(
        word[:-1] if len(word) > 3 and word[-1] == "s" and word[-2] != "s" else word
        for word in words - _LITTLE
        if len(word) > 1 or word.isdigit()
    )
