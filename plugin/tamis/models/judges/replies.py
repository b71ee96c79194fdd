"""Reads what a model replied: one of the labels as its first word, with the code; anything else is no verdict."""

import re
from collections.abc import Sequence
from typing import NamedTuple

NO_REPLY = "the model gave no reply"
EMPTY = "the reply is empty"
REFUSED = "refused"
UNPARSABLE = "the reply is none of the labels"
TALKED_OVER = "talked over: the reply lacks the code of the frame"

_THINKING = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_HEAD = re.compile(r"\A[\s\"'*_`#>(\[{-]*(?:(?:answer|verdict|label|reply)\W{1,4})?(?P<word>[^\W\d_]+)", re.IGNORECASE)
_KEY = re.compile(r"[\"']\s*:")
_REFUSAL = re.compile(
    r"\b(?:i(?:'m| am)? (?:sorry|unable|not able|not allowed|not comfortable)"
    r"|i (?:cannot|can't|can not|won't|will not|must decline|decline)"
    r"|(?:as an?|i'm an?|i am an?) (?:ai|language model|assistant)|sorry, but"
    r"|(?:cannot|can't) (?:help|assist|comply|engage|fulfil|provide|judge|evaluate)"
    r"|against (?:my|our) (?:policy|guidelines))",
    re.IGNORECASE,
)
# A side of a debate that will not argue says so of itself and of taking part: "I cannot find anything harmful in it" is
# an argument, and so is "I can't argue with that".
_UNWILLING = (
    r"(?:(?:simply |just |cannot and |can't and )?(?:cannot|can't|can not|could not|couldn't"
    r"|won't|will not|(?:do not|don't) want to)"
    r"|(?:'m| am|'re| are)(?: \w+)? (?:unable|not able|not allowed|not comfortable|not willing|not going)(?: to| with)?"
    r"|(?:must |have to )?(?:decline|refuse)(?: to)?)"
)
_TAKING_PART = (
    r"(?:help(?! but\b)|assist|comply|engage|engaging|argue(?! with)|arguing"
    r"|take (?:part|sides|a side|this side|that side)|taking (?:part|sides)|discuss|participate|participating|fulfil+"
    r"|continue with|do (?:that|this|so)|create|generate|produce|promote|write"
    r"|provide (?:assistance|help|that|this|such|any arguments?|arguments?))\b"
)
_DECLINES = re.compile(
    rf"\b(?:i|we) ?{_UNWILLING} {_TAKING_PART}|\b(?:i|we) (?:must decline|decline)\b\W*(?:$|\n)"
    rf"|\bsorry\b[^.!?\n]{{0,40}}\b(?:cannot|can't|can not|won't|unable to|not able to) {_TAKING_PART}",
    re.IGNORECASE,
)
_READ = 2_000
_TURN_READ = 200
# What may stand behind a label beside the code: marks that close or decorate, and the word for the code.
_BEHIND = re.compile(r"(?:[\s\"'“”‘’*_`#>()\[\]{}<.,;:=!|/\\–—-]|\bcode\b)*", re.IGNORECASE)
_ASKS = re.compile(r"[:=?]\W*\Z")


class Reply(NamedTuple):
    """The label, one of those asked for, or None and the reason."""

    label: str | None
    reason: str


def label_in(text: str | None, labels: Sequence[str], code: str | None = None) -> Reply:
    """The label that a reply begins with, whole word, whatever its case; the code must stand in the reply.

    A refusal is no label, whatever words it has. Nor is a label with more behind it in its line than the code and
    marks: "Supported: no" and "Supported, in part" say something else.

    >>> label_in("UNSUPPORTED BCDFG", ["SUPPORTED", "UNSUPPORTED"], "BCDFG").label
    'UNSUPPORTED'
    >>> label_in("Yesterday it was.", ["YES", "NO"]).reason
    'the reply is none of the labels'
    """
    if text is None:
        return Reply(None, NO_REPLY)
    text = _THINKING.sub("", text).strip()[:_READ]
    if not text:
        return Reply(None, EMPTY)
    found = _HEAD.match(text)
    known = {label.casefold(): label for label in labels}
    label = known.get(found["word"].casefold()) if found else None
    if found and _KEY.match(text, found.end()):
        return Reply(None, UNPARSABLE)  # {"supported": false} is no SUPPORTED
    if label is None:
        return Reply(None, REFUSED if is_refusal(text) else UNPARSABLE)
    if not _ends(text[found.end() if found else 0 :], code):
        return Reply(None, UNPARSABLE)
    if code is not None and not re.search(rf"\b{re.escape(code)}\b", text, re.IGNORECASE):
        return Reply(None, TALKED_OVER)
    return Reply(label, f"the model replied {label}")


def _ends(rest: str, code: str | None) -> bool:
    """Whether nothing but the code and marks follows a label: in its line, and in the next where its line asks."""
    line, _, more = rest.partition("\n")
    if code is not None and _ASKS.search(line):
        line += f"\n{more.strip().partition(chr(10))[0]}"
    if code is not None:
        line = re.sub(rf"\b{re.escape(code)}\b", "", line, flags=re.IGNORECASE)
    return _BEHIND.fullmatch(line) is not None


def is_refusal(text: str) -> bool:
    """Whether a reply declines, by its wording.

    >>> is_refusal("I'm sorry, but I can't help with that.")
    True
    """
    return bool(_REFUSAL.search(text[:_READ].replace("’", "'")))


def declines_to_argue(text: str) -> bool:
    """Whether a side of a debate will not take part, by the wording of its turn's beginning.

    >>> declines_to_argue("I'm sorry, but I can't help with that."), declines_to_argue("I can't see any harm in it.")
    (True, False)
    """
    return bool(_DECLINES.search(text[:_TURN_READ].replace("’", "'")))
