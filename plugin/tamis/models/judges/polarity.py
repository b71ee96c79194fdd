"""Finds where two texts say the opposite of each other: a negation that only one has, a word and its opposite."""

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from tamis.models.lexical import STOP_WORDS, stem

_REACH = 4
"""Content words behind a negation that it may turn round."""

_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)?|[,.;:!?()—–]")
_CUES = frozenset(
    """not no never none nobody nothing neither nor without cannot cant isnt wasnt arent werent dont doesnt didnt wont
    wouldnt couldnt shouldnt hasnt havent hadnt unable failed fails lacks lacked lacking denied denies refused refuses
    hardly rarely seldom""".split()  # noqa: SIM905
)
# "not only" denies nothing.
_NO_LESS = frozenset(("only", "just", "merely", "least"))
_ENDS = frozenset(",.;:!?()—–")
_STOPPERS = frozenset(("but", "although", "though", "while", "whereas", "however"))


class Polarity(NamedTuple):
    """For each content word's stem whether it is said (True) or said not to be (False), or both; and the negations."""

    of: dict[str, frozenset[bool]]
    negations: int


def opposites_of(word: str) -> frozenset[str]:
    """The words that mean the opposite of a small-letter word; mostly none.

    >>> sorted(opposites_of("younger"))
    ['elder', 'older']
    """
    return _opposites().get(word, frozenset())


@cache
def _opposites() -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for line in (files(__package__) / "opposites.txt").read_text(encoding="utf-8").split():
        one, other = line.split("/")
        found[one] = found.get(one, frozenset()) | {other}
        found[other] = found.get(other, frozenset()) | {one}
    return found


def polarity_of(text: str) -> Polarity:
    """What a text says and what it denies.

    >>> found = polarity_of("It was not built in Rome, but in Athens.")
    >>> found.of["built"], found.of["athen"], found.negations
    (frozenset({False}), frozenset({True}), 1)
    """
    found: dict[str, frozenset[bool]] = {}
    left, cues = 0, 0
    tokens = _TOKEN.findall(text.casefold())
    for token, following in zip(tokens, (*tokens[1:], ""), strict=False):
        word = token.replace("’", "").replace("'", "")
        if is_negation(token) and following not in _NO_LESS:
            # "not ... without": two in one reach turn it back.
            left = 0 if left else _REACH
            cues += 1
        elif token in _ENDS or token in _STOPPERS:
            left = 0
        elif word not in STOP_WORDS:
            root = stem(word)
            found[root] = found.get(root, frozenset()) | {left == 0}
            left = max(0, left - 1)
    return Polarity(found, cues)


def is_negation(word: str) -> bool:
    """Whether a word turns round what follows it."""
    folded = word.casefold().replace("’", "'")
    return folded.endswith("n't") or folded.replace("'", "") in _CUES


def conflicts(claim: Polarity, evidence: Polarity) -> int:
    """How many content words both have, the one to say them and the other to deny them."""
    return sum(
        not (said & evidence.of[root]) for root, said in claim.of.items() if root in evidence.of and len(said) == 1
    )


def opposed(claim: Sequence[str], evidence: frozenset[str]) -> list[str]:
    """The claim's words (small letters) that the evidence lacks while it has an opposite of them.

    >>> opposed(["he", "died", "early"], frozenset({"he", "died", "late"}))
    ['early']
    """
    return [word for word in claim if word not in evidence and opposites_of(word) & evidence]
