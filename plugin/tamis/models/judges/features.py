"""What can be seen of a claim and its evidence without a model: coverage, order, facts missing, contradictions."""

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from tamis.models.lexical import tokenize
from tamis.models.sentences import sentences

from . import dates, names, quantities
from .polarity import Polarity, conflicts, opposed, polarity_of

LONGEST = 20_000
"""Characters of a claim that are looked at, and no more: a claim is a sentence."""
_ALIGNED = 256
_WINDOWS = 3
_WORD = re.compile(r"\w+(?:['’]\w+)*")
_PERSONAL = frozenset("i i'm i've i'd i'll me my you your you're we our us".split())  # noqa: SIM905


class Features(NamedTuple):
    """What a logistic judge weighs. Shares lie in [0, 1]; each is named for what is more where its number is higher."""

    coverage: float
    """Share of the claim's content words that the evidence has."""
    window: float
    """The same of the best two sentences in a row."""
    bigrams: float
    """Share of the claim's pairs of neighbouring content words that the evidence has as neighbours."""
    order: float
    """Share of the claim's content words that the best two sentences have in the same order."""
    missing: float
    """log(1 + content words that the evidence lacks)."""
    numbers_missing: float
    dates_missing: float
    names_missing: float
    conflicts: float
    """Content words that one of them says and the other denies, at most 2."""
    negations: float
    """1 where the claim negates and the best sentences do not, or the other way round."""
    opposites: float
    """Words whose opposite the evidence has instead, at most 2."""
    personal: float
    """1 where the claim speaks of "I" or "you" and the evidence does not."""
    question: float
    """1 where the claim asks."""


@dataclass(frozen=True)
class Evidence:
    """A passage set as it is compared: built once for all claims about it."""

    texts: tuple[str, ...]
    sentences: tuple[str, ...]
    terms: tuple[tuple[str, ...], ...]
    known: frozenset[str]
    pairs: frozenset[tuple[str, str]]
    words: frozenset[str]
    name_words: frozenset[str]
    dates: tuple[dates.Date, ...]
    numbers: tuple[quantities.Number, ...]


@lru_cache(maxsize=256)
def evidence_of(texts: tuple[str, ...]) -> Evidence:
    """The texts of the evidence made ready. Kept for the next claim about the same texts."""
    pieces = tuple(text[begin:end] for text in texts for begin, end in sentences(text))
    terms = tuple(tuple(tokenize(piece)) for piece in pieces)
    found_dates = tuple(date for text in texts for date in dates.dates_in(text))
    return Evidence(
        texts,
        pieces,
        terms,
        frozenset(term for row in terms for term in row),
        frozenset(pair for row in terms for pair in pairwise(row)),
        frozenset(word for text in texts for word in _WORD.findall(text.casefold())),
        frozenset(word for text in texts for word in names.words_of(text)),
        found_dates,
        # Years too: "2000 people" may be told of as a year.
        tuple(number for text in texts for number in quantities.numbers_in(text)),
    )


class Facts(NamedTuple):
    """What a claim says that can be looked up, and what of it the evidence has not."""

    numbers: list[quantities.Number]
    numbers_missing: list[quantities.Number]
    dates: list[dates.Date]
    dates_missing: list[dates.Date]
    names: list[names.Name]
    names_missing: list[names.Name]


def facts_of(claim: str, evidence: Evidence) -> Facts:
    """The numbers, dates and names of a claim, all and those that the evidence lacks."""
    claim = claim[:LONGEST]
    all_dates = dates.dates_in(claim)
    all_numbers = quantities.numbers_in(claim, all_dates)
    all_names = names.names_in(claim)
    return Facts(
        all_numbers,
        [one for one in all_numbers if not quantities.is_met(one, evidence.numbers)],
        all_dates,
        [one for one in all_dates if not dates.is_met(one, evidence.dates) and not _is_number(one, evidence)],
        all_names,
        [one for one in all_names if names.share_met(one, evidence.name_words) < 1],
    )


def states_facts(claim: str, evidence: Evidence) -> bool:
    """Whether a claim has a number, a date or a name, or at least a content word that the evidence has too."""
    facts = facts_of(claim, evidence)
    return bool(facts.numbers or facts.dates or facts.names) or any(
        term in evidence.known for term in tokenize(claim[:LONGEST])
    )


def features_of(claim: str, evidence: Evidence) -> Features | None:
    """The features of a claim; None where it has no content word."""
    claim = claim[:LONGEST]
    terms = tokenize(claim)
    if not terms:
        return None
    windows = best_windows(terms, evidence)
    best = [term for at in windows[:1] for row in evidence.terms[at : at + 2] for term in row]
    near = " ".join(piece for at in windows[:_WINDOWS] for piece in evidence.sentences[at : at + 2])
    facts = facts_of(claim, evidence)
    words = _WORD.findall(claim.casefold())
    said, told = polarity_of(claim), polarity_of(near)
    missing = [term for term in terms if term not in evidence.known]
    pairs = list(pairwise(terms))
    shared = sum((Counter(terms) & Counter(best)).values())
    return Features(
        coverage=1 - len(missing) / len(terms),
        window=shared / len(terms),
        bigrams=sum(pair in evidence.pairs for pair in pairs) / len(pairs) if pairs else 1 - len(missing) / len(terms),
        order=in_order(terms[:_ALIGNED], best[: 2 * _ALIGNED]) / min(len(terms), _ALIGNED),
        missing=math.log1p(len(missing)),
        numbers_missing=len(facts.numbers_missing) / max(1, len(facts.numbers)),
        dates_missing=len(facts.dates_missing) / max(1, len(facts.dates)),
        names_missing=len(facts.names_missing) / max(1, len(facts.names)),
        conflicts=float(min(2, conflicts(said, told))),
        negations=float(_differ(said, polarity_of(" ".join(_pieces(windows[:1], evidence))))),
        opposites=float(min(2, len(opposed(words, evidence.words)))),
        personal=float(any(word in _PERSONAL and word not in evidence.words for word in words)),
        question=float(claim.rstrip().endswith("?")),
    )


def best_windows(terms: Sequence[str], evidence: Evidence) -> list[int]:
    """Where two sentences in a row begin that have content words of the claim, most of them first."""
    wanted = Counter(terms)
    overlap = [sum((wanted & Counter(row)).values()) for row in evidence.terms]
    both = [
        sum((wanted & Counter((*row, *after))).values())
        for row, after in zip(evidence.terms, (*evidence.terms[1:], ()), strict=True)
    ]
    # Of windows with as many, that whose first sentence has most.
    order = sorted(range(len(both)), key=lambda at: (-both[at], -overlap[at], at))
    return [at for at in order if both[at]]


def in_order(claim: Sequence[str], evidence: Sequence[str]) -> int:
    """The length of the longest sequence that both have in the same order (Hunt and Szymanski 1977).

    >>> in_order(["caesar", "beat", "pompey"], ["pompey", "beat", "caesar"])
    1
    """
    places: dict[str, list[int]] = {}
    for at, term in enumerate(evidence):
        places.setdefault(term, []).append(at)
    ends: list[int] = []
    for term in claim:
        for at in reversed(places.get(term, ())):
            slot = bisect_left(ends, at)
            ends[slot : slot + 1] = [at]
    return len(ends)


def _pieces(windows: Sequence[int], evidence: Evidence) -> list[str]:
    return [piece for at in windows for piece in evidence.sentences[at : at + 2]]


def _differ(said: Polarity, told: Polarity) -> bool:
    return bool(said.negations) != bool(told.negations)


def _is_number(date: dates.Date, evidence: Evidence) -> bool:
    """Whether a bare year stands in the evidence as a number, such as a count or half of "1999/2000"."""
    bare = date.year is not None and date.month is None and not date.decade
    return bare and any(number.value == date.year for number in evidence.numbers)
