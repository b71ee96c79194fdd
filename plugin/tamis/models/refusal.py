"""Whether a text refuses, says that there is no answer, or answers. By rules of English, without a model."""

import re
from functools import lru_cache
from typing import Literal

AnswerClass = Literal["answered", "refused", "partly refused", "empty"]

_READ = 20_000  # characters; a refusal comes sooner
_KEPT = 4_000  # characters of an answer whose class is remembered

_SPEAKER = r"(?:i|we)"
_CANNOT = (
    r"(?: ?'?m| am| are|'re)?(?: (?:really|very|so|truly))?"
    r"(?:(?: simply| just)? (?:cannot|can not|can't|could not|couldn't|will not|won't)"
    r"|(?:'m| am|'re| are) (?:not able|unable|not allowed|not permitted|not going|not programmed|not comfortable"
    r"|not in a position)"
    r"|(?: must| have to| need to)? (?:decline|refuse)"
    r"|(?: do not|don't) feel comfortable)\b"
)
# "I cannot stress enough", "I can't wait": said by those who do answer.
_EMPHASIS = r"(?! (?:wait|stress|emphasi[sz]e|overstate|imagine|believe|help but|complain|recommend .{0,60}enough))"
_LACKING = (
    r" (?:do not|don't|did not (?!know)|didn't (?!know)) ?(?:actually |currently |really )?"
    r"(?:know\b|have (?:[\w-]+ ){0,4}(?:information|details|access|knowledge|data|context|opinions?|beliefs?|feelings?"
    r"|answers?|ability|capability|enough)\b"
    r"|(?:see|find) (?:[\w-]+ ){0,6}(?:context|passages?|documents?|sources?|text|information|answer)\b)"
)
_SOURCES = (
    r"(?:context|passages?|documents?|sources?|texts?|information|excerpts?|materials?|snippets?|data|images?"
    r"|pictures?|articles?)"
)
# What is said of oneself, of the question, of the sources, of what there is.
_OF_ONESELF = rf"(?<![\w'])(?:{_SPEAKER}{_CANNOT}{_EMPHASIS}|{_SPEAKER}{_LACKING})"
_WITHOUT_SUBJECT = (
    r"(?:(?:sorry,? )?(?:unable to|can't|cannot|can not|could not)"
    r" (?:answer|determine|find|help|assist|comply|provide|say)\b"
    r"|(?:no|without an?) answer(?: (?:was |is |can be |could be )?(?:found|possible|available))?$"
    r"|(?:unanswerable|unknown|not known|n/a|not available|not stated|not specified|not mentioned|empty response)$)"
)
_OF_QUESTION = (
    r"\b(?:(?:question|answer|this|that|it) (?:cannot|can't|can not|could not|couldn't) be"
    r" (?:answered|determined|found|inferred)"
    r"|it (?:is|'s|would be) (?:not|n't|un|in)\s?(?:\w+ )?(?:for me )?to (?:answer|help|assist|comply))\b"
)
_OF_SOURCES = (
    rf"\b(?:{_SOURCES}"
    r"(?: (?:i have|you gave|you provided|provided|given|above|supplied|retrieved|available|here)){0,3}"
    r" (?:does not|doesn't|do not|don't|did not|is not|isn't|are not|aren't)(?: (?:actually|explicitly|directly))?"
    r" (?:contain|provide|mention|include|specify|state|say|give|answer|indicate|address|cover|tell|discuss"
    r"|sufficient|enough|available)"
    rf"|(?:not enough|insufficient|no relevant|no sufficient)(?: \w+){{0,2}} {_SOURCES})\b"
)
_OF_WHAT_THERE_IS = rf"there (?:is|was|are) (?:no|not any|not enough)(?: \w+){{0,3}} (?:{_SOURCES}|answer|mention)\b"
_REFUSALS = tuple(
    re.compile(pattern)
    for pattern in (
        # At the head of a clause, perhaps after a few words and a comma ("Unfortunately, I cannot").
        rf"^(?:[^,\"“:]{{0,60}},? )?{_OF_ONESELF}",
        f"^{_WITHOUT_SUBJECT}",
        _OF_SOURCES,
        _OF_QUESTION,
        rf"^(?:[^,]{{0,60}}, )?{_OF_WHAT_THERE_IS}",
    )
)

_APOLOGY = re.compile(
    r"^(?:(?:but )?i(?:'m| am) (?:\w+ )?sorry|my apologies|apologies|i apologi[sz]e|sorry)"
    r"(?: (?:for|about|to)(?: \w+){1,3})?$"
)
# What goes with a refusal and answers nothing: offers, requests, and why it refuses.
_COURTESIES = tuple(
    re.compile(pattern)
    for pattern in (
        r"^(?:please|let me know|feel free|thank|i hope|is there anything|if you)\b",
        r"\b(?:happy|glad|here) to (?:help|assist)\b",
        r"\bas an? (?:ai|artificial|language|large language|assistant)\b",
        r"\b(?:illegal|unethical|immoral|harmful|dangerous|inappropriate|offensive|unacceptable|against (?:my|the|our)"
        r"|violat\w*|polic(?:y|ies)|guidelines|my purpose|my programming|designed to|intended to"
        r"|seek (?:help|professional)|important to (?:respect|remember|note|prioriti[sz]e|treat))\b",
        r"^(?:can|could|would) you (?:please )?(?:provide|clarify|rephrase|share|give)\b",
    )
)
_FILLERS = re.compile(
    r"(?:no|not|yes|but|and|so|or|however|unfortunately|therefore|thus|this|that|it|is|was|hi|hello|hmm|well|oh|sure|ok"
    r"|okay|because|as|for|to|of|the|an?|in|on|with|answer|response)?[\W_]*"
)
_CLAUSE = re.compile(
    r"(?<=[.!?;])\s+|[\n\r]+|;|,?\s+(?:but|although|though)\s+|(?:,|\.)\s*(?:however|nevertheless|that said),?\s+"
)
_LEAD = re.compile(r"^\W*(?:answer\s*:\s*)?")


def answer_class(text: str) -> AnswerClass:
    """What kind of answer this is: "empty", "answered", "refused" (and nothing else), "partly refused".

    Clause by clause: one that says that it cannot, will not or has nothing to go by is a refusal; apologies, offers of
    help and reasons for refusing go with it; what is left over is an answer. LlamaIndex's "Empty Response" is a
    refusal. The rules are for English and know forms, not meaning: a quoted refusal, one in other words, or "the text
    does not mention it" as the right answer are taken for what they look like. Where a rate of refusals matters,
    correct it with labels (``tamis.eval.stats.rogan_gladen``).

    >>> answer_class("I'm sorry, but I can't help with that."), answer_class("No, it was 1990.")
    ('refused', 'answered')
    >>> answer_class("The context does not give the day. It was in June 1990.")
    'partly refused'
    """
    return _remembered(text) if len(text) <= _KEPT else _class_of(text[:_READ])


@lru_cache(maxsize=2048)
def _remembered(text: str) -> AnswerClass:
    return _class_of(text)


def _class_of(text: str) -> AnswerClass:
    plain = _plain(text)
    if not re.search(r"\S", plain):
        return "empty"
    refuses, apologises, left = False, False, False
    for clause in _CLAUSE.split(_blanks_joined(plain)):
        clause = " ".join(_LEAD.sub("", clause).rstrip(" .!?;,:\"'").split())
        if any(pattern.search(clause) for pattern in _REFUSALS):
            refuses = True
        elif _APOLOGY.search(clause):
            apologises = True
        elif not any(pattern.search(clause) for pattern in _COURTESIES):
            left = left or any(_FILLERS.fullmatch(word) is None for word in clause.split())
    if refuses and left:
        return "partly refused"
    return "refused" if refuses or (apologises and not left) else "answered"


def _blanks_joined(text: str) -> str:
    """No run of white space longer than two: patterns that look for its end from each of its places take too long."""
    return re.sub(r"\s+", lambda run: "\n " if "\n" in run[0] or "\r" in run[0] else " ", text)


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[*_`]", "", line) for line in text.casefold().replace("’", "'").splitlines(keepends=True))
