"""The words of a text that say what it is about."""

import re
import string

_WORD = re.compile(r"[^\W_]+")
_SPACES = str.maketrans(dict.fromkeys(string.punctuation, " "))
_LITTLE = frozenset(
    """
    a about after all also am an and any are as at be because been before being between both but by can could did do
    does doing down each few for from further had has have having he her here him his how i if in into is it its just
    let like may me more most my no nor not now of off on once one only or other our out over own please same she
    should so some such than that the their them then there these they this those through to too under until up very
    was we were what when where which while who whom why will with would you your yours
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
