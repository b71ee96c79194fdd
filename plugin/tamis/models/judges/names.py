"""Finds what is named in a text by its capital letters: people, places, works, organisations."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from tamis.models.lexical import STOP_WORDS
from tamis.models.sentences import sentences

from .dates import MONTHS


class Name(NamedTuple):
    """A name as it is written, at [begin, end) of the text."""

    text: str
    begin: int
    end: int


_TOKEN = re.compile(r"[^\W\d_](?:[^\W_]|['’.&-](?=[^\W_]))*|\d+|[^\w\s]")
_LINKS = frozenset("of the de la le du von van der den di da al el bin ibn y".split())  # noqa: SIM905
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()  # noqa: SIM905
_SMALL_WORDS = ("I", "Mr", "Mrs", "Ms", "Dr", "Yes", "No")
_NEVER = frozenset(word.casefold() for word in (*MONTHS, *_DAYS, *(f"{day}s" for day in _DAYS), *_SMALL_WORDS))
# Words that often begin a sentence and name nothing, beside the stop words.
_OPENERS = frozenset(
    """according additionally after also although among another are based before besides both certainly consequently
    despite during each every finally following furthermore hence here however including instead later likewise many
    meanwhile moreover most nevertheless none nonetheless not one otherwise our over overall please several similarly
    since some specifically still there therefore thus today two under unfortunately unlike until upon well whether
    within without yes""".split()  # noqa: SIM905
)
# These do so too, and begin names as well: "Great Britain". They are openers where no word with a capital follows.
_OPENERS_BEFORE_SMALL = frozenset(
    """answer final further given great hope let note regarding sorry summary sure thank thanks""".split()  # noqa: SIM905
)
_WORD = re.compile(r"\w+")


def names_in(text: str) -> list[Name]:
    """The names of a text in order: runs of words with a capital letter, with the small words that join them.

    A word that only stands at the beginning of a sentence counts where it is neither a common opener nor written small
    elsewhere in the text. A text in capitals, or without any, has none.

    >>> [name.text for name in names_in("The Oberoi Group was founded in Delhi by M. S. Oberoi of Bhaun.")]
    ['Oberoi Group', 'Delhi', 'M. S. Oberoi of Bhaun']
    """
    letters = [character for character in text if character.isalpha()]
    if not letters or sum(character.isupper() for character in letters) > 0.7 * len(letters) > 4:
        return []
    small = {word for word in _WORD.findall(text) if word.islower()}
    found: list[Name] = []
    for begin, end in sentences(text):
        found += _of_sentence(text, begin, end, small)
    return found


def _of_sentence(text: str, begin: int, end: int, small: set[str]) -> Iterable[Name]:
    tokens = list(_TOKEN.finditer(text, begin, end))
    runs: list[list[re.Match[str]]] = [[]]
    for at, token in enumerate(tokens):
        word = token[0]
        if (word[0].isupper() and word.casefold() not in _NEVER and not (at == 0 and _opens(tokens, small))) or (
            runs[-1] and (_joins(word, tokens, at) or (word == "." and _is_initial(tokens, at)))
        ):
            runs[-1].append(token)
        elif runs[-1]:
            runs.append([])
    for run in runs:
        # "The" inside a run joins; in front or behind it is no part of the name.
        while run and (run[0][0].casefold() in _LINKS or run[0][0].casefold() in STOP_WORDS):
            run = run[1:]
        while run and (run[-1][0].casefold() in _LINKS or not run[-1][0][0].isalnum()):
            run = run[:-1]
        if run:
            last = run[-1].end() - (2 if run[-1][0].endswith(("'s", "’s")) else 0)
            yield Name(text[run[0].start() : last], run[0].start(), last)


def _opens(tokens: list["re.Match[str]"], small: set[str]) -> bool:
    """Whether a sentence's first word is none of a name."""
    lowered = tokens[0][0].casefold()
    before_small = len(tokens) < 2 or not tokens[1][0][0].isupper()
    return (
        lowered in STOP_WORDS
        or lowered in _OPENERS
        or lowered in small
        or (before_small and lowered in _OPENERS_BEFORE_SMALL)
    )


def _joins(word: str, tokens: list["re.Match[str]"], at: int) -> bool:
    following = tokens[at + 1 : at + 3]
    if word in _LINKS and following:
        is_name = following[0][0][0].isupper()
        return is_name or (following[0][0] in _LINKS and len(following) > 1 and following[1][0][0].isupper())
    return False


def _is_initial(tokens: list["re.Match[str]"], at: int) -> bool:
    return len(tokens[at - 1][0]) == 1 and at + 1 < len(tokens) and tokens[at + 1][0][0].isupper()


def words_of(text: str) -> list[str]:
    """The words of a name or a text as they are compared: folded, without "'s" and a plural's ending.

    >>> words_of("Arthur’s Magazine")
    ['arthur', 'magazine']
    >>> words_of("Nobel Prizes") == words_of("the Nobel Prize")[1:]
    True
    """
    return [_singular(word) for word in _WORD.findall(re.sub(r"['’]s\b", "", text).casefold())]


def _singular(word: str) -> str:
    """One form for a word and its plural, whether or not that is a word: "James" is "jame" on both sides."""
    if len(word) < 4 or not word.endswith("s") or word.endswith("ss"):
        return word
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    return word[:-2] if word.endswith(("ches", "shes", "sses", "xes")) else word[:-1]


def share_met(name: Name, known: frozenset[str]) -> float:
    """The share of the name's words, in [0, 1], that are among those of the evidence.

    Initials and joining words do not count, unless there is nothing else.
    """
    words = words_of(name.text)
    telling = [word for word in words if len(word) > 1 and word not in _LINKS] or words
    return sum(word in known for word in telling) / len(telling) if telling else 1.0
