"""Passages that look relevant to a question and do not answer it, for an attack to ride in."""

from collections.abc import Sequence
from itertools import islice
from typing import Literal

from tamis.core.content import Content

from ..case import Case
from .answers import holds_answer
from .material import Material
from .sentences import sentences

Position = Literal["start", "middle", "end"]


def hosts(case: Case, material: Material, count: int, avoid: Sequence[str]) -> list[Content]:
    """``count`` passages, likeliest first and over again where there are fewer.

    They are the documents nearest to the query that are not relevant and hold none of ``avoid``; where there is none
    (a query or a pool without text), the query itself.
    """
    near = material.near(case.query.text, count + len(case.gold) + 32)
    usable = (
        document.content
        for document in near
        if document.id not in case.gold and not holds_answer(document.content.text, avoid)
    )
    found = list(islice(usable, count)) or [case.query]
    return [found[i % len(found)] for i in range(count)]


def inserted(text: str, sentence: str, position: Position) -> str:
    """A sentence before a text, behind it, or between the two halves of its sentences (of its words, if it has one).

    >>> inserted("It rains. Stay in.", "Hello!", "middle")
    'It rains. Hello! Stay in.'
    """
    if position == "start" or not text.strip():
        return f"{sentence} {text}".strip()
    if position == "end":
        return f"{text.rstrip()} {sentence}"
    parts = sentences(text)
    parts = parts if len(parts) > 1 else text.split()
    half = (len(parts) + 1) // 2
    return " ".join([*parts[:half], sentence, *parts[half:]])
