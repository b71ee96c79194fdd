"""Finds the sentences of a text: abbreviations, initials, decimals, lists, quotations, citation marks, wide scripts."""

import re
from typing import NamedTuple


class Span(NamedTuple):
    """A place in a text, as in ``text[begin:end]``."""

    begin: int
    end: int


# A mark that ends a sentence, the quotes and brackets it closes, and citation marks behind it. A run of marks or of
# blanks is tried from its beginning alone, or a long one that ends nothing would take time with the square of it.
_END = re.compile(
    r"(?P<wide>[。！？｡]+(?:[」』”’）】》〉]++(?!と)|(?![」』”’）】》〉])))"
    r"|(?<![.!?…।॥؟۔])(?P<mark>[.!?…।॥؟۔]++)(?P<closed>[\"'”’»)\]}*_]*+)"
    r"(?P<cited>(?:[ \t]?\[\d{1,3}(?:[ \t]*[,–-][ \t]*\d{1,3})*\])*)"
    r"(?=(?P<space>\s)|$|(?P<glued>[A-Z][a-z]*[ ,]))"
)
_LINES = re.compile(r"(?<![ \t\r])[ \t\r]*+\n[ \t\r\n]*|[\v\f\x85\u2028\u2029]+")
_ITEM = re.compile(r"(?:[-*+•‣◦▪·–—]|#{1,6}|\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.)])[ \t]+|[|>]")
_WORD_BEFORE = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]+$")
_WORD_AFTER = re.compile(r"[\"'“‘«(\[]*([^\W_]+(?:['’][^\W\d_]+)?)")
_NUMBER = re.compile(r"\(?\d{1,2}[.)]")
_LIST_NUMBER = re.compile(r"(?:^|\n)[ \t>]*\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})$")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# With a full stop these are followed by what they belong to.
_OPEN = _words(
    "mr mrs ms mx dr prof st mt ft gen col lt sgt capt cmdr adm maj rev hon gov sen rep pres messrs mme mlle fr "
    "e.g i.e cf vs v viz ca approx esp fig figs eq eqs sec ch chap vol vols pp ed eds trans incl ave blvd "
    "jan feb mar apr jun jul aug sep sept oct nov dec z.b d.h bzw"
)
# And these too, where a number follows.
_BEFORE_NUMBERS = _words("no nos p art nr ex op ver bd")
# These may end a sentence: the next word tells.
_EITHER = _words(
    "etc inc ltd co corp jr sr bros al a.m p.m u.s u.k u.n e.u d.c b.c a.d ph.d m.d b.a m.a usw u.s.a dept univ "
    "assn est no"
)
_STARTERS = _words(
    "the a an it its he she they we you i this that these those there here in on at by for from with after before "
    "during since while when where if although though however but and or so as also both some many most each all "
    "his her their our my one another what who why how no not then thus therefore according because until is are was "
    "to of once today later earlier meanwhile moreover furthermore instead yes"
)
_WRAPPED = 50
"""A line at least this long that ends within a sentence was broken for its width."""


def sentences(text: str) -> list[Span]:
    """The sentences of a text, in order, without the white space around them.

    Every visible character is in exactly one. A sentence ends at a full stop, question or exclamation mark (or its
    form in another script) with the quotes, brackets and citation marks ``[n]`` behind it; at a blank line; at the end
    of a line that was not broken for its width; and before an item of a list, whose number belongs to it.

    >>> text = "Dr. E. Smith paid 3.5 million, e.g. in May. [1] Why? 他来了。她走了。"
    >>> [text[begin:end] for begin, end in sentences(text)]
    ['Dr. E. Smith paid 3.5 million, e.g. in May. [1]', 'Why?', '他来了。', '她走了。']
    """
    cuts = sorted({*(at for found in _END.finditer(text) if (at := _ending(text, found))), *_line_ends(text)})
    spans: list[Span] = []
    begin = 0
    for end in (*cuts, len(text)):
        piece = text[begin:end]
        left = begin + len(piece) - len(piece.lstrip())
        right = begin + len(piece.rstrip())
        if end < len(text) and _NUMBER.fullmatch(text, left, right):
            continue
        if left < right:
            spans.append(Span(left, right))
        begin = end
    return spans


def _ending(text: str, found: "re.Match[str]") -> int | None:
    """Where the sentence ends that the mark may end; None where it does not."""
    if found["wide"]:
        return found.end()
    before = text[max(0, found.start() - 24) : found.start()]
    after = _WORD_AFTER.match(text[found.end() : found.end() + 40].lstrip())
    following = after[1] if after else ""
    if found["glued"]:
        # "in Paris.The tower": the space is missing; "node.Js" and "A.Smith" are words.
        return found.end() if re.search(r"[a-z]{2}[)\"']?$", before) and len(found["glued"]) > 2 else None
    if following[:1].islower() and not found["cited"]:
        return None
    if found["mark"] == "." and not found["closed"] and not _stops(text, found.start(), before, following):
        return None
    return found.end()


def _stops(text: str, at: int, before: str, following: str) -> bool:
    """Whether a full stop with a space behind it ends a sentence, by the words around it."""
    if _LIST_NUMBER.search(text[max(0, at - 12) : at]) and (at < 12 or "\n" in text[max(0, at - 12) : at]):
        return False
    word = _WORD_BEFORE.search(before)
    if word is None:
        return True
    known = word[0].casefold()
    if known in _OPEN or (known in _BEFORE_NUMBERS and following[:1].isdigit()):
        return known == "mar" and following.casefold() in _STARTERS
    is_initial = len(known) == 1 and word[0].isupper() and word[0].isascii()
    if is_initial or (known in _EITHER and known != "no"):
        return following.casefold() in _STARTERS or not following
    return True


def _line_ends(text: str) -> list[int]:
    """Where a line's end is a sentence's end."""
    found: list[int] = []
    begin = 0
    for end in _LINES.finditer(text):
        line, rest = text[begin : end.start()], text[end.end() : end.end() + 40]
        blank = end[0].count("\n") > 1 or "\n" not in end[0]
        if blank or _ITEM.match(rest) or not _is_wrapped(line, rest):
            found.append(end.end())
        begin = end.end()
    return found


def _is_wrapped(line: str, rest: str) -> bool:
    """Whether a line was broken within a sentence."""
    last = line.rstrip()[-1:]
    if last in ".!?…:;|。！？" or (_ITEM.match(line) and len(line) < _WRAPPED):
        return False
    return rest[:1].islower() or len(line) >= _WRAPPED
