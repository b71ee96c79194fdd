"""Finds numbers in a text, in digits and in English words, with their units; those of dates are left out."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from .dates import Date


class Number(NamedTuple):
    """A number and its unit ("" for none that is known), and where both stand. ``rough`` for "about 3.5 million"."""

    value: float
    unit: str
    rough: bool
    begin: int
    end: int


_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
)
_WORDS = {word: float(value) for value, word in enumerate(f"{_ONES} eighteen nineteen".split())}
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS |= {word: float(value) for value, word in zip(range(20, 100, 10), _TENS.split(), strict=True)}
_SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "dozen": 12.0}
_SHORT = {"k": 1e3, "m": 1e6, "mn": 1e6, "bn": 1e9, "b": 1e9}
_ORDINALS = "third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
ORDINALS = {"first": 1.0, **{word: float(value) for value, word in enumerate(_ORDINALS.split(), start=3)}}
_UNITS = {
    "%": "%", "percent": "%", "per cent": "%", "km": "km", "kilometre": "km", "kilometer": "km", "mi": "mile",
    "mile": "mile", "m": "m", "metre": "m", "meter": "m", "cm": "cm", "mm": "mm", "ft": "foot", "foot": "foot",
    "feet": "foot", "inch": "inch", "kg": "kg", "kilogram": "kg", "g": "g", "gram": "g", "lb": "lb", "pound": "pound",
    "ton": "ton", "tonne": "ton", "year": "year", "month": "month", "week": "week", "day": "day", "hour": "hour",
    "minute": "minute", "second": "second", "acre": "acre", "hectare": "ha", "ha": "ha", "mg": "mg", "ml": "ml",
    "litre": "l", "liter": "l", "°c": "°c", "°f": "°f", "kw": "kw", "mw": "mw", "gb": "gb", "mb": "mb",
}  # fmt: skip
_SIGNS = {"$": "$", "€": "€", "£": "£", "dollar": "$", "euro": "€"}
_UNIT_NAMES = sorted({*_UNITS, "dollar", "euro"}, key=len, reverse=True)
# Scripts that put no space before a number: ideographs, kana, hangul, Thai.
_UNSPACED = "\u0e00-\u0e7f\u2e80-\u9fff\uac00-\ud7af"
_DIGITS = (
    rf"(?:(?P<sign>[$€£])\s?)?(?<!\.)(?<![^\W{_UNSPACED}])"
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?P<ordinal>st|nd|rd|th)?"
)
_SMALL = rf"(?:(?:{'|'.join(_TENS.split())})(?:[\s-](?:{'|'.join(_ONES.split()[1:10])})\b)?|(?:{'|'.join(_WORDS)})\b)"
_HUNDREDS = rf"(?:{_SMALL}(?:[\s-]+hundred\b(?:\s+(?:and\s+)?{_SMALL})?)?|hundred\b)"
_BIG = r"(?:thousand|million|billion|trillion|dozen)\b"
_WORDED = rf"\b(?P<words>{_HUNDREDS}[\s-]+{_BIG}(?:\s+(?:and\s+)?{_HUNDREDS}(?:[\s-]+{_BIG})?)*|{_HUNDREDS}|{_BIG})"
_PATTERN = re.compile(
    rf"(?:{_DIGITS}(?:(?:\s|-)?(?P<scale>hundred|thousand|million|billion|trillion|dozen)\b|(?P<short>k|mn|bn|m|b)\b)?"
    rf"|{_WORDED}|\b(?P<place>{'|'.join(ORDINALS)})\b)"
    rf"(?:[\s-]?(?P<unit>{'|'.join(map(re.escape, _UNIT_NAMES))})(?:e?s)?(?!\w))?",
    re.IGNORECASE,
)
_ROUGH = re.compile(
    r"(?:\b(?:about|around|approximately|approx\.?|nearly|almost|roughly|some|over|under|more than|less than"
    r"|at least|up to|circa|an estimated)|~|≈)\s*[$€£]?$",
    re.IGNORECASE,
)


def numbers_in(text: str, dates: Sequence[Date] = ()) -> list[Number]:
    """The numbers of a text in order, but for those that stand inside ``dates``, and a lone "one".

    >>> [number[:3] for number in numbers_in("about $3.5 million, twenty-five percent, 1,204 and the 3rd of two")]
    [(3500000.0, '$', True), (25.0, '%', False), (1204.0, '', False), (3.0, '', False), (2.0, '', False)]
    """
    found: list[Number] = []
    begins, ends = [date.begin for date in dates], [date.end for date in dates]
    for match in _PATTERN.finditer(text):
        at = bisect_right(begins, match.start()) - 1
        if at >= 0 and match.start() < ends[at]:
            continue
        value = _value(match)
        if value is None:
            continue
        unit = (match["unit"] or "").casefold()
        known = _SIGNS.get(match["sign"] or unit) or _UNITS.get(unit, "")
        # "3 m" may be metres or millions: after a currency, or written together, it is millions.
        rough = bool(_ROUGH.search(text[max(0, match.start() - 16) : match.start()]))
        found.append(Number(value, known, rough, match.start(), match.end()))
    return found


def is_met(number: Number, known: Sequence[Number]) -> bool:
    """Whether one of the known numbers is this one: the same value, or for a rough one the same when rounded.

    Units must agree where both have one.

    >>> [some] = numbers_in("about 3.5 million")
    >>> is_met(some, numbers_in("3,512,000 people")), is_met(some, numbers_in("3,612,000 people"))
    (True, False)
    """
    return any(
        (not number.unit or not other.unit or number.unit == other.unit)
        and (number.unit != "%" or other.unit == "%")
        and _equal(number, other)
        for other in known
    )


def _equal(number: Number, other: Number) -> bool:
    if abs(number.value - other.value) <= 1e-9 * max(abs(number.value), abs(other.value)):
        return True
    if not number.rough and (abs(number.value) < 1e4 or number.value % 1000):
        return False
    digits = len(f"{number.value:g}".partition("e")[0].replace(".", "").strip("0-")) or 1
    return float(f"{other.value:.{digits - 1}e}") == float(f"{number.value:.{digits - 1}e}")


def _value(match: "re.Match[str]") -> float | None:
    if match["digits"]:
        try:
            value = float(match["digits"].replace(",", ""))
        except (ValueError, OverflowError):
            return None
        if match["scale"]:
            value *= _SCALES[match["scale"].casefold()]
        elif match["short"]:
            if match["short"].casefold() in ("m", "b") and not match["sign"]:
                return value
            value *= _SHORT[match["short"].casefold()]
        return value if value < 1e300 else None
    if match["place"]:
        return ORDINALS[match["place"].casefold()]
    words = [word for word in re.split(r"[\s-]+", match["words"].casefold()) if word != "and"]
    if words == ["one"] and not match["unit"]:
        return None
    total, current = 0.0, 0.0
    for word in words:
        if word in _WORDS:
            current += _WORDS[word]
        elif word == "hundred" or word == "dozen":
            current = (current or 1.0) * _SCALES[word]
        else:
            total += (current or 1.0) * _SCALES[word]
            current = 0.0
    return total + current
