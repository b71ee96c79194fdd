"""Finds dates in a text: years, decades, months and days, as they are written in English and in ISO 8601."""

import re
from collections.abc import Sequence
from typing import NamedTuple


class Date(NamedTuple):
    """A date or a part of one; None for what is not said. ``decade`` for "the 1990s". It stands at [begin, end)."""

    year: int | None
    month: int | None
    day: int | None
    decade: bool
    begin: int
    end: int


MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_NUMBER_OF = {name.casefold()[:3]: at for at, name in enumerate(MONTHS, start=1)}
_MONTH = r"(?P<m{0}>jan(?:uary|\.)?|feb(?:ruary|\.)?|mar(?:ch|\.)?|apr(?:il|\.)?|may|june?|july?|aug(?:ust|\.)?" \
    r"|sept?(?:ember|\.)?|oct(?:ober|\.)?|nov(?:ember|\.)?|dec(?:ember|\.)?)(?![a-z])"  # fmt: skip
_DAY = r"(?P<d{0}>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_YEAR = r"(?P<y{0}>1\d{{3}}|20\d{{2}})"
_GAP = r"\s*+(?:,\s+|(?<=\s))"
_PATTERN = re.compile(
    "|".join(
        (
            r"(?<![\w-])(?P<y0>\d{4})-(?P<m0>0[1-9]|1[0-2])-(?P<d0>0[1-9]|[12]\d|3[01])(?![\w-])",
            rf"\b{_MONTH.format(1)}\s+{_DAY.format(1)}\b(?!\s*(?:%|percent|million|billion|thousand))"
            rf"(?:{_GAP}{_YEAR.format(1)}\b)?",
            rf"\b{_DAY.format(2)}\s+(?:of\s+)?{_MONTH.format(2)}(?:{_GAP}{_YEAR.format(2)}\b)?",
            rf"\b{_MONTH.format(3)}(?:\s+of)?{_GAP}{_YEAR.format(3)}\b",
            rf"(?<![\w.,$€£#-]){_YEAR.format(4)}(?P<s4>s)\b",
            rf"(?<![\w.,$€£#]){_YEAR.format(5)}\s?[-–/]\s?(?P<e5>\d{{2}})(?![\w.,]*\d)",
            rf"(?<![\d.,$€£#]){_YEAR.format(6)}(?![\w%]|[.,]\d|\s+(?:people|percent|dollars|euros|pounds|km|miles|feet"
            r"|metres|meters|kg|tons|acres|copies|times|years|days|seats|students|members|inhabitants)\b)",
            rf"(?<=\bin )(?-i:(?=[A-Z])){_MONTH.format(7)}|(?<=\bof )(?-i:(?=[A-Z])){_MONTH.format(8)}"
            rf"|(?<=\bsince )(?-i:(?=[A-Z])){_MONTH.format(9)}|(?<=\bby )(?-i:(?=[A-Z])){_MONTH.format('a')}",
        )
    ),
    re.IGNORECASE,
)


def dates_in(text: str) -> list[Date]:
    """The dates of a text in order.

    >>> [date[:4] for date in dates_in("Born on March 2, 1991; in the 1980s; 1844–46; in May")]
    [(1991, 3, 2, False), (1980, None, None, True), (1844, None, None, False), (1846, None, None, False), \
(None, 5, None, False)]
    """
    found: list[Date] = []
    for match in _PATTERN.finditer(text):
        parts = {name[0]: value for name, value in match.groupdict().items() if value is not None}
        year = int(parts["y"]) if "y" in parts else None
        month = _month(parts["m"]) if "m" in parts else None
        day = int(parts["d"]) if "d" in parts else None
        end = match.end()
        if "e" in parts and year is not None:
            # "1844-46" is two years; "1844-12" would be a month, and is left to the year.
            later = year - year % 100 + int(parts["e"])
            if later > year:
                found.append(Date(year, None, None, False, match.start(), match.start("y5") + 4))
                found.append(Date(later, None, None, False, match.start("e5"), end))
                continue
            end = match.start("y5") + 4
        found.append(Date(year, month, day, "s" in parts, match.start(), end))
    return found


def is_met(date: Date, known: Sequence[Date]) -> bool:
    """Whether one of the known dates says all that this one says.

    >>> [march] = dates_in("March 1991")
    >>> is_met(march, dates_in("on 2 March 1991")), is_met(march, dates_in("in 1991"))
    (True, False)
    """
    return any(_says(other, date) for other in known)


def _says(known: Date, claimed: Date) -> bool:
    if claimed.decade:
        return known.year is not None and claimed.year is not None and known.year // 10 == claimed.year // 10
    if known.decade:
        return False
    pairs = zip(claimed[:3], known[:3], strict=True)
    return all(part is None or part == other for part, other in pairs)


def _month(text: str) -> int:
    return int(text) if text.isdigit() else _NUMBER_OF[text.casefold()[:3]]
