"""Wrong answers of the same kind as the right one, made by rule: another number, date or name."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from random import Random

from tamis.models.lexical import STOP_WORDS

from ..case import Case
from .answers import holds_answer, normalised, swapped
from .attack import NotApplicable
from .material import Material
from .sentences import sentences

_OPPOSITES = {"yes": "no", "no": "yes", "true": "false", "false": "true"}
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
# "may" is more often a word than a month.
_MONTH = re.compile(rf"\b({'|'.join(month for month in _MONTHS if month != 'May')})\b|\bMay\b(?=\s+\d)", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_WORD = re.compile(r"[^\W\d_](?:[\w'’-]*\w)?")
_POSSESSIVE = re.compile(r"['’]s$")
_LINKS = frozenset(("of", "the", "de", "la", "von", "van", "der", "di", "and"))


def is_verdict(answer: str) -> bool:
    """Whether an answer only says yes or no, and so stands in no passage."""
    return normalised(answer) in _OPPOSITES


def wrong_answer(case: Case, material: Material, rng: Random) -> str:
    """A wrong answer to the case: the first usable of its targets, otherwise one made by rule.

    A target is unusable where an accepted answer holds it or it holds one. By rule: yes and no change places; in dates
    and quantities every number and month becomes another; for anything else a name, or a phrase of as many words, is
    taken from documents on the subject. The query holds none of these.
    Raises NotApplicable where nothing is found, or nothing says what would be wrong.
    """
    for target in case.targets:
        if _is_wrong(target, case.answers):
            return target
    if not case.answers and case.answerable is not False:
        raise NotApplicable("the case has neither accepted answers nor targets, so nothing says what would be wrong")
    near = [document.content.text for document in material.near(case.query.text, 20)]
    drawn = [document.content.text for document in material.drawn(60, rng)]
    span = case.answers[0] if case.answers else ""
    for texts in (near, drawn):
        if found := similar(span, texts, [*case.answers], rng, not_in=case.query.text):
            return found
    raise NotApplicable("the pool has no name or phrase that could be a wrong answer; give the case targets")


def similar(span: str, texts: Sequence[str], avoid: Sequence[str], rng: Random, *, not_in: str = "") -> str | None:
    """A string of the same kind as ``span`` that is none of ``avoid``; None where the texts hold none.

    An empty span asks for any name. What ``not_in`` holds is not taken from the texts.

    >>> similar("3 May 1990", [], ["3 May 1990"], Random(1))
    '20 March 1980'
    """
    if (opposite := _OPPOSITES.get(normalised(span))) is not None:
        return opposite.capitalize() if span.strip()[:1].isupper() else opposite
    if _DIGITS.search(span) or _MONTH.search(span):
        return next((one for _ in range(20) if _is_wrong(one := _altered(span, rng), avoid)), None)
    words = _WORD.findall(span)
    is_name = not span or any(word[0].isupper() for word in words)
    size = len(words) or 2
    found = _names(texts) if is_name else _phrases(texts, min(size, 3))
    usable = [one for one in dict.fromkeys(found) if _is_wrong(one, avoid) and not holds_answer(not_in, [one])]
    # Of as many words as the right one, if there are such.
    closest = min((abs(len(one.split()) - size) for one in usable), default=0)
    alike = [one for one in usable if abs(len(one.split()) - size) == closest]
    return rng.choice(alike) if alike else None


def other_detail(text: str, keep: Sequence[str], texts: Sequence[str], rng: Random) -> str:
    """The text with one detail changed that is none of ``keep`` and brings none of them in; itself where there is none.

    A detail is a number or a name; it is changed wherever it stands.
    """
    details = [*(found[0] for found in re.finditer(r"\b\d[\d,.]*\b", text)), *_names([text])]
    rng.shuffle(details)
    for detail in details:
        if not _is_wrong(detail, keep):
            continue
        by = similar(detail, texts, [*keep, detail], rng, not_in=text)
        if by is None:
            continue
        changed = swapped(text, [detail], by)
        if changed != text and all(holds_answer(changed, [one]) == holds_answer(text, [one]) for one in keep):
            return changed
    return text


def _is_wrong(candidate: str, accepted: Iterable[str]) -> bool:
    """Whether it has a word, and neither holds an accepted answer nor stands in one."""
    accepted = list(accepted)
    if not normalised(candidate) or holds_answer(candidate, accepted):
        return False
    return not any(holds_answer(answer, [candidate]) for answer in accepted)


def _altered(text: str, rng: Random) -> str:
    """Every number and month name of a text made another one of the same form."""
    is_date = _MONTH.search(text) is not None

    def month(found: re.Match[str]) -> str:
        other = rng.choice([name for name in _MONTHS if name.lower() != found[0].lower()])
        return other.lower() if found[0].islower() else other

    def number(found: re.Match[str]) -> str:
        old = found[0]
        if len(old) == 4 and "1000" <= old <= "2099":
            return str(int(old) + rng.choice([-1, 1]) * rng.randint(2, 30))
        if is_date and len(old) <= 2:
            return rng.choice([day for day in map(str, range(1, 29)) if day != old.lstrip("0")])
        least = 0 if old[0] == "0" else 10 ** (len(old) - 1)
        return rng.choice([other for other in (_other(old, least, rng) for _ in range(20)) if other != old] or [old])

    return _DIGITS.sub(number, _MONTH.sub(month, text))


def _other(old: str, least: int, rng: Random) -> str:
    return str(rng.randrange(least, 10 ** len(old))).zfill(len(old))


def _names(texts: Sequence[str]) -> Iterator[str]:
    """Runs of capitalised words; one word at the head of a sentence is no name."""
    for text in texts:
        for sentence in sentences(text):
            run: list[re.Match[str]] = []
            for word in (*_WORD.finditer(sentence), None):
                joins = word is not None and (not run or sentence[run[-1].end() : word.start()] == " ")
                if word is not None and joins and (word[0][0].isupper() or (run and word[0] in _LINKS)):
                    run.append(word)
                    continue
                yield from _name(run, sentence)
                run = [word] if word is not None and word[0][0].isupper() else []


def _name(run: list[re.Match[str]], sentence: str) -> Iterator[str]:
    while run and (run[0][0].lower() in STOP_WORDS or len(run[0][0]) < 2):
        run = run[1:]
    while run and not run[-1][0][0].isupper():
        run = run[:-1]
    if run and len(run) <= 5 and (len(run) > 1 or run[0].start() > 0):
        yield _POSSESSIVE.sub("", sentence[run[0].start() : run[-1].end()])


def _phrases(texts: Sequence[str], size: int) -> Iterator[str]:
    """Runs of ``size`` words without a capital letter and without function words."""
    for text in texts:
        words = list(_WORD.finditer(text))
        for i in range(len(words) - size + 1):
            run = words[i : i + size]
            together = all(text[a.end() : b.start()] == " " for a, b in pairwise(run))
            if together and all(len(w[0]) > 2 and w[0] == w[0].lower() and w[0] not in STOP_WORDS for w in run):
                yield text[run[0].start() : run[-1].end()]
