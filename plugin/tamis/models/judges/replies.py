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
_READ = 2_000


class Reply(NamedTuple):
    """The label, one of those asked for, or None and the reason."""

    label: str | None
    reason: str


def label_in(text: str | None, labels: Sequence[str], code: str | None = None) -> Reply:
    """The label that a reply begins with, whole word, whatever its case; the code must stand in the reply.

    A refusal is no label, whatever words it has. A reply whose first line has another label too is none.

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
    rest = set(re.findall(r"[^\W\d_]+", text[found.end() if found else 0 :].partition("\n")[0].casefold()))
    if rest & (known.keys() - {label.casefold()}):
        return Reply(None, UNPARSABLE)
    if code is not None and not re.search(rf"\b{re.escape(code)}\b", text, re.IGNORECASE):
        return Reply(None, TALKED_OVER)
    return Reply(label, f"the model replied {label}")


def is_refusal(text: str) -> bool:
    """Whether a reply declines, by its wording.

    >>> is_refusal("I'm sorry, but I can't help with that.")
    True
    """
    return bool(_REFUSAL.search(text[:_READ].replace("’", "'")))
