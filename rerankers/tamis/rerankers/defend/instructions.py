"""Finds sentences in a passage that are addressed to the model that reads it, not to the reader of the passage."""

import re
from functools import cache
from typing import NamedTuple

from .words import content_words

_SENTENCE = re.compile(r"[^.!?\n\r]*(?:[.!?](?=[\w'\"])[^.!?\n\r]*)*[.!?\n\r]*")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

# What speaks of the reply that is to be written, or of the instructions that the reader has.
_ADDRESSED = re.compile(
    r"""\b(?:
        (?:in|of|to|into|with|within|throughout|from|on|for)\s+the\s+(?:\w+\s+)?(?:response|reply|answer|output)
      | your\s+(?:(?:final|next|own|entire|whole|full|first|last)\s+)?(?:response|reply|replies|answers?|output)
      | (?:ignore|disregard|forget|override|bypass|skip)\s+(?:\w+\s+){0,3}?
            (?:previous|prior|above|earlier|preceding|other|all|these|those|your|system|the)\s+(?:\w+\s+){0,2}?
            (?:instructions?|prompts?|messages?|rules?|guidelines?|context|passages?|documents?|content)
      | (?:system|developer)\s+(?:prompt|message|instruction)s?
      | you\s+are\s+(?:now\s+)?(?:an?\s+)?(?:\w+\s+){0,2}?(?:ai|assistant|chatbot|language\s+model|llm|gpt)
      | as\s+an\s+(?:ai|assistant)
      | (?:dear\s+|hey\s+|note\s+to\s+(?:the\s+)?|attention\s+)(?:ai|assistant|model|llm|chatbot)
      | (?:respond|reply|answer)\s+(?:only\s+)?(?:with|in|by|using|as)\b
      | (?:must|should|will)\s+(?:\w+\s+)?(?:respond|reply|answer)\s+(?:with|in|only|by|that)\b
      | do\s+not\s+(?:answer|respond|reply|mention)\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)

# Verbs with which one asks for a piece of work, as a sentence begins with them. Those that documentation uses of its
# own subject (use, set, see, call, run, check, note) ask for nothing unless the reply is spoken of as well.
_ASKS = frozenset(
    """
    add answer append compose convert craft create define describe draft elaborate embed encode end explain format
    generate give group identify illustrate imagine implement incorporate insert integrate introduce list mention
    misspell modify offer outline output paraphrase pretend print produce propose prove provide randomly rearrange
    recite recommend remove repeat replace replicate reply rephrase respond reverse rewrite scramble share show solve
    speak substitute suggest summarise summarize tell translate write
    """.split()  # noqa: SIM905 - a list of quoted words is harder to read
)
_BEFORE = frozenset(
    """
    please kindly now also then finally first instead always just next
    """.split()  # noqa: SIM905 - a list of quoted words is harder to read
)
_POLITE = re.compile(
    r"^(?:please\s+)?(?:can|could|would|will)\s+you\s+(?:please\s+)?\w+|^i\s+(?:want|need)\s+you\s+to\b", re.I
)
_QUESTION = re.compile(
    r"^(?:who|whom|whose|what|what's|when|where|why|which|how|can|could|is|are|do|does|did|should|would|will)\b", re.I
)
# What must be somewhere in a passage for the closer looks to be worth their time.
_SPEAKS = (
    "respons", "respond", "repl", "answer", "output", "ignore", "disregard", "forget", "override", "bypass", "skip",
    "prompt", "assistant", "chatbot", " ai", "language model", "llm", "gpt", "not mention", "system m", "system i",
    "developer m", "developer i", "model",
)  # fmt: skip
_MAY_ASK = re.compile(
    rf"""(?:^|[.!?\n\r])[^\w.!?\n\r]*(?:(?:{"|".join(sorted(_BEFORE))})\W+){{0,3}}
    (?:{"|".join(sorted(_ASKS))}|i\s+(?:want|need)|(?:can|could|would|will)\s+you)\b | \?""",
    re.IGNORECASE | re.VERBOSE,
)

_LEAST = 3
"""Words that a sentence must have to ask for anything."""
_CONTEXT = 3
"""Sentences that a passage must have for what it is about to be told."""


class Instruction(NamedTuple):
    """A sentence that is addressed to the model, with the reason why it is taken for that."""

    text: str
    reason: str


def instructions(passage: str, query: str = "") -> list[Instruction]:
    """The sentences of a passage that are addressed to the model that is to answer, in order.

    A sentence is one if it speaks of the reply that is to be written or of the model's instructions ("in your
    response", "ignore the above"); or if it asks for something, as an order or as a question, and shares no word that
    matters with the rest of the passage or with the query: documentation gives orders and asks questions too, but
    about what it documents.

    >>> [one.reason for one in instructions("The bus is red. Buses are large. Draft a poem on Rome.")]
    ['asks for something else than the passage is about']
    >>> instructions("Use the open() function to open a file. What is a file? A file is a stream of bytes.")
    []
    """
    lowered = passage.lower()
    speaks = any(word in lowered for word in _SPEAKS) and _ADDRESSED.search(passage) is not None
    if not speaks and not _MAY_ASK.search(passage):
        return []
    sentences = [match.group().strip() for match in _SENTENCE.finditer(passage) if match.group().strip()]
    found = []
    words: list[frozenset[str]] = []
    for sentence in sentences:
        asks = _asks(sentence)
        if len(_WORD.findall(sentence)) < _LEAST or not (asks or speaks):
            continue
        if speaks and _ADDRESSED.search(sentence) and (asks or _strong(sentence)):
            found.append(Instruction(sentence, "speaks of the reply or of the model's instructions"))
        elif asks and len(sentences) >= _CONTEXT:
            words = words or [_matters(one) for one in (query, *sentences)]
            if not any(sum(word in some for some in words) > 1 for word in _matters(sentence)):
                found.append(Instruction(sentence, "asks for something else than the passage is about"))
    return found


def _asks(sentence: str) -> bool:
    """Whether it is an order for a piece of work, or a question."""
    plain = sentence.lstrip("\"'“‘([-*•# ")
    if _POLITE.search(plain) or (_QUESTION.search(plain) and plain.rstrip("\"'”’) ").endswith("?")):
        return True
    for word in _WORD.findall(plain.lower()):
        if word in _BEFORE:
            continue
        return word in _ASKS and not re.match(rf"\W*{word}\W+(?:of|is|are|was|were)\b", plain, re.I)
    return False


@cache
def _hard() -> "re.Pattern[str]":
    return re.compile(
        r"\b(?:ignore|disregard|forget|override|bypass)\b|\byou\s+are\s+(?:now\s+)?an?\b|\bas\s+an\s+(?:ai|assistant)\b"
        r"|\byour\s+(?:response|reply|output)\b|\b(?:system|developer)\s+(?:prompt|message)",
        re.I,
    )


def _strong(sentence: str) -> bool:
    """Whether what speaks of the reply does so in words that prose about other things has no use for."""
    return _hard().search(sentence) is not None


def _matters(text: str) -> frozenset[str]:
    """The words that say what a sentence is about, without the verbs that ask for something."""
    return frozenset(word for word in content_words(text) if word not in _ASKS)
