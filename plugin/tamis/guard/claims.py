"""What a sentence of an answer says, and whether it says anything that passages could support."""

import re

from tamis.models.lexical import STOP_WORDS, tokenize
from tamis.models.no_answer import NAMED, abstains

_WORD = re.compile(r"\w")
_DIGIT = re.compile(r"\d")
_NAMED = re.compile(r"[*_(\[\"'“]*[A-Z]\w")  # "I" is no name
_LONGEST_LABEL = 80
_MOST_HEADING, _MOST_LEADING = 2, 3
"""Content words of a heading, and of a line that leads to a list, that are not judged: "Here are the main steps:"."""
# What is no part of what a sentence says: the mark of a list's item or a heading, and citation marks.
_ITEM = re.compile(r"^(?:(?:[-*+•‣◦▪·–—]|#{1,6}|>|\(?(?:\d{1,3}|[A-Za-z])[.)])\s+)+")
_CITED = re.compile(r"(?<!\s)\s*+\[\d{1,3}(?:[ \t]*[,–-][ \t]*\d{1,3})*\]")
# Nor what the answer says of itself: where it has it from, and how it goes on.
_LEAD = re.compile(
    r"(?:(?:based (?:only |solely )?(?:up)?on|according to|as per|per|from|given"
    rf"|as (?:stated|described|mentioned|noted) in) {NAMED}(?: \[?\d{{1,3}}\]?)?"
    r"|(?:sure|certainly|of course|absolutely|yes|therefore|thus|hence|so|consequently|additionally|furthermore"
    r"|moreover|finally|overall|also|in short|in summary|in conclusion|to summari[sz]e))[,:]\s+(?=\S)"
    r"|(?:(?:please )?note that|(?:the )?(?:final |short )?answer(?: to your question)?(?::| is:?))\s+(?=\S)",
    re.IGNORECASE,
)
_MOST_LEADS = 3
_QUESTIONS = r"(?:any |more |other |further |additional |follow-up )*questions?"
_MORE = (
    rf"(?:if (?:you )?(?:have {_QUESTIONS}"
    r"|need (?:anything else|(?:any |more |further )+(?:help|assistance|information|details))"
    r"|would like (?:to know more|more details|more information)|there is anything else)(?: about (?:this|that|it))?)"
)
_COURTESY = re.compile(
    "|".join(
        (
            r"(?:sure|certainly|of course|absolutely|definitely|gladly|ok|okay|all right|alright|understood|got it"
            r"|hello|hi|great|welcome|you're welcome|you are welcome)(?: thing)?",
            r"(?:(?:that's|that is|this is|what) an? )?(?:great|good|excellent|interesting|nice) question",
            r"(?:many )?(?:thanks|thank you)(?: (?:for (?:asking|your question|your patience)|very much|so much))?",
            r"(?:i )?hope (?:this|that|it) (?:helps|is helpful|answers your question|clarifies (?:it|this))"
            r"(?: you)?",
            rf"(?:please )?(?:let me know|feel free to (?:ask|reach out)|just ask) {_MORE}",
            rf"{_MORE},? (?:please )?(?:let me know|feel free to (?:ask|reach out)|just ask)",
            r"is there anything else (?:that )?(?:i can (?:help|assist)(?: you)? with|you would like to know)",
            r"(?:i am|i'm|i'd be|i would be)? ?(?:happy|glad) to (?:help|assist)(?: you)?(?: with (?:this|that|it))?",
            r"(?:here(?: is|'s| are)|these are) (?:what i found|the (?:answer|information|details)|an answer"
            r"|an? (?:brief |short )?(?:summary|overview))(?: (?:you (?:requested|asked for)|to your question))?"
            rf"(?: (?:in|from|based on) {NAMED})?",
            r"have a (?:great|nice|good) (?:day|time|trip)",
        )
    )
)
_PARTS = frozenset("appendix conclusion faq introduction overview reference source summary takeaway".split())  # noqa: SIM905
"""What the parts of an answer are called, in the singular: such a line is no answer itself."""
_HEADINGS = _PARTS | frozenset(
    """address advantage background benefit contact cost definition description detail difference disadvantage example
    explanation feature finding hour instruction limitation link location method name note option point price procedure
    purpose question reason recommendation requirement result schedule section setting solution step ticket time
    timeline tip topic type usage use value warning""".split()  # noqa: SIM905
)
"""What headings of two words are made of: a bold line without one of these may be the answer itself."""
_ASSERTS = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|do|does|did|can|could|will|would|may|might|must|should|not|no|never|none"
    r"|nobody|nothing|cannot|\w+n['’]t)\b",
    re.IGNORECASE,
)
_OF = frozenset(("and", "by", "for", "in", "of", "or", "per"))
"""Small words that the name of a column may have; others make it a part of a sentence."""
_BOLD = re.compile(r"(\*\*|__)(?P<text>[^*_]+)\1:?")
_RULE = re.compile(r"\|(?=[|:\s]*-)[|:\-\s]*")


def said(sentence: str) -> str:
    """What a sentence says, without a list's number or bullet, without citation marks and what it says of itself.

    >>> said("2. The Thames is 346 km long. [1, 3]")
    'The Thames is 346 km long.'
    >>> said("Based on the provided context, the Thames is 346 km long.")
    'the Thames is 346 km long.'
    """
    text = _CITED.sub("", _ITEM.sub("", sentence)).strip()
    for _ in range(_MOST_LEADS):
        lead = _LEAD.match(text)
        if lead is None:
            break
        text = text[lead.end() :]
    return text


def is_row(sentence: str) -> bool:
    """Whether it is a row of a table; only the row behind it tells whether it is the head."""
    return sentence.startswith("|")


def nothing_to_check(claim: str, following: str = "", question: str = "") -> str | None:
    """Why a sentence states nothing that passages could support; None where it may.

    ``following`` is the sentence behind it: the row of dashes under the head of a table. ``question`` is what was
    asked, whose names and numbers an answer may take up when it says that there is no answer.
    """
    text = said(claim)
    if not _WORD.search(text):
        return "it has no word"
    if abstains(text, question):
        return "it says that there is no answer"
    if _is_courtesy(text):
        return "it is a courtesy"
    if is_row(claim) and _RULE.fullmatch(following.strip()) and _is_head(text):
        return "it is the head of a table"
    return "it is a heading, or leads to what follows" if _is_label(claim.lstrip(), text) else None


def _is_courtesy(text: str) -> bool:
    """Whether it says nothing but "Sure!" or "I hope this helps": each whole, so that nothing can be hung on to it."""
    if len(text) > _LONGEST_LABEL:
        return False
    plain = " ".join(text.replace("’", "'").casefold().split()).strip(" *_.!?,")
    return _COURTESY.fullmatch(plain) is not None


def _is_label(claim: str, text: str) -> bool:
    """Whether a sentence is a heading or ends in a colon, and has too few words to state a fact; a digit is one.

    Judges of facts take a single word for an answer or a name: an answer would end at its first "## Summary".
    """
    if len(text) > _LONGEST_LABEL or _DIGIT.search(text):
        return False
    if not claim.startswith("#"):
        if _is_title(text):
            return True
        leads = text.rstrip("*_ ").endswith((":", "："))
        if not leads or any(_NAMED.match(word) for word in text.split()[1:]):
            return False
    return len(tokenize(text)) <= (_MOST_HEADING if claim.startswith("#") else _MOST_LEADING)


def _is_title(text: str) -> bool:
    """Whether a line has the name of a part ("Summary"), or is bold, has two words and one that headings have."""
    bold = _BOLD.fullmatch(text)
    words = _content_words(bold["text"] if bold else text)
    if not words or len(words) > _MOST_HEADING or text.endswith(".") or _ASSERTS.search(text):
        return False
    return all(word in _PARTS for word in words) or (
        bold is not None and len(words) > 1 and not _HEADINGS.isdisjoint(words)
    )


def _is_head(row: str) -> bool:
    """Whether a table's first row names its columns: at least two, in few words, without a digit or a name of two."""
    cells = [cell.strip() for cell in row.strip().strip("|").split("|")]
    return len(row) <= 4 * _LONGEST_LABEL and len(cells) > 1 and all(_names_column(cell) for cell in cells)


def _names_column(cell: str) -> bool:
    words = _content_words(cell)
    joining = {word.casefold() for word in re.findall(r"\w+", cell)} & STOP_WORDS
    if len(words) > _MOST_HEADING or joining - _OF or _DIGIT.search(cell) or _ASSERTS.search(cell):
        return False
    is_name = sum(bool(_NAMED.match(word)) for word in cell.split()) > 1
    return not is_name or not _HEADINGS.isdisjoint(words)


def _content_words(text: str) -> list[str]:
    from tamis.models.judges.names import words_of

    return [word for word in words_of(text) if word not in STOP_WORDS]
