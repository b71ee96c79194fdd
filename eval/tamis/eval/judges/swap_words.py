"""Twins with a negation more or less, with their parts in each other's place, with another attribute."""

import re
from itertools import pairwise
from random import Random

from tamis.models.judges.names import names_in, words_of
from tamis.models.judges.polarity import opposites_of

from ..attacks.attack import NotApplicable
from .swapped import Known, Swapped, replaced

_SHORT = 4
"""Words of an answer that is no sentence."""
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_AUXILIARY = re.compile(
    r"\b(is|are|was|were|has|have|had|can|could|will|would|may|might|must|should|does|did|do)\b"
    r"(?!\s+(?:not|n't|never)\b)(?!\?)",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"\s+(?:not|never)\b|(?<=[a-z])n['’]t\b|(?<=\bcan)not\b", re.IGNORECASE)
# "16-year-old" and "6 km long" measure: they have no opposite.
_MEASURED = re.compile(r"(?:\d|year|month|day|week|hour|minute|metre|meter|mile|km|feet|foot)s?[\s-]*$", re.IGNORECASE)
_SYMMETRIC = frozenset("and or with , & vs versus between both married meets met".split())  # noqa: SIM905
ATTRIBUTES = tuple(
    tuple(row.split())
    for row in (
        "red blue green yellow black white brown grey orange purple pink",
        "American British French German Italian Spanish Japanese Chinese Russian Canadian Australian Indian Irish "
        "Swedish Dutch Mexican Brazilian Greek Turkish Norwegian Danish Polish Austrian Swiss Egyptian",
        "actor actress singer writer poet painter politician lawyer footballer scientist journalist photographer",
        "novel film album song play poem magazine newspaper musical opera",
        "wooden metal plastic glass stone leather paper",
        "north south east west",
        "northern southern eastern western",
        "spring summer autumn winter",
        "drama comedy thriller western documentary horror",
        "guitar piano violin drums trumpet flute cello",
        "football basketball baseball cricket tennis rugby hockey golf",
        "Catholic Protestant Muslim Jewish Buddhist Hindu",
        "river lake mountain island desert forest",
        "brother sister father mother son daughter uncle aunt",
        "king queen emperor prince duke",
        "city village country county province",
        "gold silver bronze",
        "daily weekly monthly yearly annual",
        "dog cat horse cow sheep pig",
    )
)
_ALIKE = {word.casefold(): row for row in ATTRIBUTES for word in row}


def negation(claim: str, known: Known, rng: Random) -> Swapped:
    """A negation is taken out; where there is none, one is put behind the first auxiliary, or before a short answer."""
    if found := _NEGATED.search(claim):
        return Swapped(claim[: found.start()] + claim[found.end() :], found[0].strip(), "")
    if found := _AUXILIARY.search(claim):
        return Swapped(f"{claim[: found.end()]} not{claim[found.end() :]}", found[0], f"{found[0]} not")
    if len(_WORD.findall(claim)) <= _SHORT:
        return Swapped(f"not {claim}", "", "not")
    raise NotApplicable("the claim has no auxiliary verb to negate")


def relation(claim: str, known: Known, rng: Random) -> Swapped:
    """Two names change places; where there are not two, a word of relation becomes its opposite."""
    names = names_in(claim)
    for one, other in pairwise(names):
        between = [word.casefold() for word in re.findall(r"[\w&]+|,", claim[one.end : other.begin])]
        if not between or set(between) <= _SYMMETRIC or set(words_of(one.text)) & set(words_of(other.text)):
            continue
        swapped = claim[: one.begin] + other.text + claim[one.end : other.begin] + one.text + claim[other.end :]
        return Swapped(swapped, f"{one.text} ... {other.text}", f"{other.text} ... {one.text}")
    words = [
        found
        for found in _WORD.finditer(claim)
        if opposites_of(found[0].casefold()) and not _MEASURED.search(claim[: found.start()])
    ]
    if not words:
        raise NotApplicable("the claim has no two names to change places, and no word with an opposite")
    chosen = words[rng.randrange(len(words))]
    others = sorted(opposites_of(chosen[0].casefold()))
    return replaced(claim, chosen.start(), chosen.end(), others[rng.randrange(len(others))])


def attribute(claim: str, known: Known, rng: Random) -> Swapped:
    """A colour, nationality, occupation, kind or the like becomes another that the evidence does not have."""
    # "New York City" is a name, and its city no attribute; "American" has a capital letter anyway.
    found = [word for word in _WORD.finditer(claim) if word[0].casefold() in _ALIKE and not _is_name(word[0])]
    for word in rng.sample(found, len(found)):
        row = _ALIKE[word[0].casefold()]
        others = [one for one in row if one.casefold() != word[0].casefold()]
        others = [one for one in others if one.casefold() not in known.evidence.words]
        if others:
            return replaced(claim, word.start(), word.end(), others[rng.randrange(len(others))])
    raise NotApplicable(
        "the evidence has all other attributes of that kind" if found else "the claim has no attribute that is known"
    )


def _is_name(word: str) -> bool:
    return word[0].isupper() and word not in _ALIKE[word.casefold()]
