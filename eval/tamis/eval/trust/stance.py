"""Whether an answer says yes or no: its first sentence, word by word, and no guess where it says neither."""

import re
from typing import Literal

from tamis.models.refusal import answer_class
from tamis.models.sentences import sentences

Stance = Literal["yes", "no"]

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_YES = frozenset({"yes", "yeah", "yep", "true", "correct", "indeed", "certainly", "definitely"})
_NO = frozenset({"no", "not", "nope", "false", "none", "never", "neither", "nor", "without", "incorrect", "cannot"})
_UNSURE = re.compile(
    r"\b(?:not (?:sure|certain|clear|possible to (?:say|tell))|unsure|unclear|uncertain|maybe|perhaps|possibly|either"
    r"|hard to (?:say|tell)|can(?:no|'|’)t (?:say|tell|determine|see|know))\b",
    re.IGNORECASE,
)
# "There is a dog", "the image shows a dog", "I can see a dog".
_AFFIRMS = re.compile(
    r"^\W*(?:(?:yes|there)\b.{0,20}\b(?:is|are|was|were)\b|it (?:is|was|does|has)\b"
    r"|(?:i|we|you) (?:can |do )?(?:see|find)\b"
    r"|the (?:image|picture|photo\w*|scene) (?:\w+ )?(?:shows?|contains?|has|depicts?|includes?|features?)\b)",
    re.IGNORECASE,
)


def stance_of(answer: str) -> Stance | None:
    """What an answer to a yes-or-no question says; None for silence, a refusal, doubt, both, and anything else.

    POPE (Li et al., EMNLP 2023) reads the first sentence and takes all that is not "no" for a yes, refusals and silence
    among them; here those are neither.

    >>> stance_of("No, there is no dog."), stance_of("There is a dog in the image."), stance_of("")
    ('no', 'yes', None)
    >>> stance_of("It happened yesterday, at noon.") is stance_of("I'm not sure.") is None
    True
    """
    if answer_class(answer) in ("empty", "refused"):
        return None
    spans = sentences(answer)
    first = answer[spans[0].begin : spans[0].end] if spans else ""
    words = [word.casefold().replace("’", "'") for word in _WORD.findall(first)]
    if not words or _UNSURE.search(first):
        return None
    if words[0] in _YES or words[0] in ("no", "nope", "false", "incorrect"):
        return "yes" if words[0] in _YES else "no"
    denies = any(word in _NO or word.endswith("n't") for word in words)
    affirms = any(word in _YES for word in words)
    if denies and affirms:
        return None
    if denies:
        return "no"
    return "yes" if affirms or _AFFIRMS.match(first) else None
