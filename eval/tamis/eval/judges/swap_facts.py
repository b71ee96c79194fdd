"""Twins with another number, another date, another name."""

import re
from random import Random

from tamis.models.judges.dates import MONTHS, Date, dates_in, is_met
from tamis.models.judges.names import Name, names_in, share_met, words_of
from tamis.models.judges.quantities import ORDINALS, Number, numbers_in
from tamis.models.judges.quantities import is_met as number_is_met

from ..attacks.attack import NotApplicable
from .swapped import Known, Swapped, replaced

_TRIES = 40
_SMALL = "zero one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905
_DIGITS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")


def number(claim: str, known: Known, rng: Random) -> Swapped:
    """One number becomes another of the same form and about the same size."""
    found = numbers_in(claim, dates_in(claim))
    for one in rng.sample(found, len(found)):
        for _ in range(_TRIES):
            made = _other_number(claim, one, rng)
            if made is None:
                break
            [*after] = numbers_in(made.claim, dates_in(made.claim))
            changed = [other for other in after if other.begin == one.begin]
            if changed and changed[0].value != one.value and not number_is_met(changed[0], known.evidence.numbers):
                return made
    raise NotApplicable("the claim has no number that could be another" if found else "the claim has no number")


def date(claim: str, known: Known, rng: Random) -> Swapped:
    """The year, month or day of one date becomes another."""
    found = dates_in(claim)
    for one in rng.sample(found, len(found)):
        for _ in range(_TRIES):
            made = _other_date(claim, one, rng)
            if made is None:
                break
            changed = [other for other in dates_in(made.claim) if other.begin == one.begin]
            if changed and changed[0][:4] != one[:4] and not is_met(changed[0], known.evidence.dates):
                return made
    raise NotApplicable("the claim has no date that could be another" if found else "the claim has no date")


def entity(claim: str, known: Known, rng: Random) -> Swapped:
    """One name becomes another, of as many words where there is one, that the evidence does not have."""
    found = [one for one in names_in(claim) if share_met(one, known.evidence.name_words) > 0]
    if not found:
        raise NotApplicable("the claim has no name that the evidence has")
    chosen = found[rng.randrange(len(found))]
    pool = list(dict.fromkeys(name.text for other in known.others for name in names_in(other)))
    usable = [name for name in pool if not set(words_of(name)) & known.evidence.name_words]
    if not usable:
        raise NotApplicable("no other claim has a name that the evidence lacks")
    alike = [name for name in usable if len(words_of(name)) == len(words_of(chosen.text))] or usable
    return _renamed(claim, chosen, alike[rng.randrange(len(alike))])


def _renamed(claim: str, name: Name, by: str) -> Swapped:
    return replaced(claim, name.begin, name.end, by)


def _other_number(claim: str, one: Number, rng: Random) -> Swapped | None:
    written = claim[one.begin : one.end]
    if digits := _DIGITS.search(written):
        begin = one.begin + digits.start()
        return replaced(claim, begin, begin + len(digits[0]), _other_digits(digits[0], rng))
    words = re.findall(r"[a-z]+", written.casefold())
    ordinals = list(ORDINALS)
    if len(words) >= 1 and words[0] in ordinals:
        other = rng.choice([word for word in ordinals if word != words[0]])
    elif words and words[0] in _SMALL:
        other = rng.choice([word for word in _SMALL[2:] if word != words[0]])
    else:
        return None
    return replaced(claim, one.begin, one.begin + len(words[0]), other)


def _other_digits(digits: str, rng: Random) -> str:
    whole, point, part = digits.partition(".")
    value = int(whole.replace(",", ""))
    if value < 20:
        other = max(0, value + rng.choice([-2, -1, 1, 2, 3]))
    else:
        size = 10 ** (len(str(value)) - 2)
        other = max(1, value + rng.choice([-1, 1]) * rng.randint(1, 6) * size)
    return (f"{other:,}" if "," in whole else str(other)) + point + part


def _other_date(claim: str, one: Date, rng: Random) -> Swapped | None:
    written = claim[one.begin : one.end]
    if year := re.search(r"\d{4}", written):
        begin = one.begin + year.start()
        step = 10 * rng.randint(1, 4) if one.decade else rng.randint(1, 40)
        return replaced(claim, begin, begin + 4, str(int(year[0]) + rng.choice([-1, 1]) * step))
    if month := re.search("|".join(MONTHS), written, re.IGNORECASE):
        other = rng.choice([name for name in MONTHS if name.casefold() != month[0].casefold()])
        begin = one.begin + month.start()
        return replaced(claim, begin, begin + len(month[0]), other)
    return None
