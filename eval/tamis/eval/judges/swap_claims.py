"""Twins that are whole other claims: true of other evidence, or made of the evidence's own words."""

import re
from collections import Counter
from random import Random

from tamis.models.judges.names import names_in, words_of
from tamis.models.lexical import tokenize

from ..attacks.attack import NotApplicable
from .swapped import Known, Swapped

_DRAWN = 20
_COVERED = 0.7
"""A claim with this share of its content words in the evidence may be supported by it, and is passed over."""
_PREDICATE = re.compile(r"\s(?:is|are|was|were|has|had|can|will|became|won|wrote|played|directed|founded|served)\s")


def other_answer(claim: str, known: Known, rng: Random) -> Swapped:
    """A claim that is supported by other evidence: of some drawn ones, that which shares most words with this."""
    pool = [other for other in dict.fromkeys(known.others) if other.strip() and other != claim]
    best, most = "", -1.0
    for other in rng.sample(pool, min(_DRAWN, len(pool))):
        terms = tokenize(other)
        covered = sum(term in known.evidence.known for term in terms) / len(terms) if terms else 1.0
        if most < covered < _COVERED:
            best, most = other, covered
    if not best:
        raise NotApplicable("there is no claim of other evidence that this evidence does not cover as well")
    return Swapped(best, claim, best)


def overlap(claim: str, known: Known, rng: Random) -> Swapped:
    """Somebody named in one sentence of the evidence, and what another sentence says of somebody else."""
    parts = []
    for sentence in known.evidence.sentences:
        if (predicate := _PREDICATE.search(sentence)) and (names := names_in(sentence)):
            subject = names[0]
            if subject.begin <= 4 and subject.end <= predicate.start() < subject.end + 3:
                parts.append((subject.text, sentence[predicate.start() :]))
    pairs = [
        (one, other)
        for one in parts
        for other in parts
        if not set(words_of(one[0])) & set(words_of(other[0]))
        and not _same(one[1], other[1])
        # A predicate that names the subject would give it away.
        and not set(words_of(one[0])) & set(words_of(other[1]))
    ]
    if not pairs:
        raise NotApplicable("the evidence has no two sentences that say something of different names")
    (one, _), (owner, said) = pairs[rng.randrange(len(pairs))]
    return Swapped(f"{one}{said}", f"{owner}{said}", f"{one}{said}")


def _same(one: str, other: str) -> bool:
    return Counter(tokenize(one)) == Counter(tokenize(other))
