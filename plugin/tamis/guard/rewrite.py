"""What a model is asked when it must take up an answer again: the prompt's file, and what is put into it."""

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from tamis.core.content import Content

NOTHING_TO_ADD = "NONE"
"""What the model replies where the passages have nothing to add, by the prompt's grammar."""
TAGS = tuple(
    f"<{slash}{name}" for name in ("question", "passages", "passage", "answer", "rejected") for slash in ("", "/")
)
"""What the frame is recognised by; broken up wherever material contains it."""
_LONGEST_ANSWER = 6_000
_LONGEST_SENTENCE = 1_000


class Prompt(NamedTuple):
    """A prompt as its file has it: the text with its places, where it comes from, and what a reply looks like."""

    text: str
    source: str
    grammar: str


class Rewrite(NamedTuple):
    """What fills the places of the prompt; all of it neutralised."""

    question: str
    passages: str
    answer: str
    rejected: str
    reason: str


@cache
def rewrite_prompt() -> Prompt:
    """The prompt that asks a model to take up an answer again. Its places are the fields of ``Rewrite``."""
    rows = tomllib.loads((files(__package__) / "prompts" / "rewrite.toml").read_text(encoding="utf-8"))
    return Prompt(rows["text"], rows["source"], rows["grammar"])


def rewrite(
    question: str, evidence: Sequence[Content], answer: str, rejected: str, reason: str, most: int, room: int
) -> Rewrite:
    """Fills the prompt. ``most`` passages are named, the likeliest to bear on the sentence, in their own order.

    Together they have at most ``room`` characters. Of a long answer the end is shown. A rejected sentence of "" was
    withheld.
    """
    chosen = likeliest(f"{question}\n{rejected}", evidence, most)
    share = max(1, room // max(1, len(chosen)))
    passages = "\n".join(
        f'<passage id="{at + 1}">\n{_plain(evidence[at].text[:share])}\n</passage>'
        for at in chosen
        if evidence[at].text.strip()
    )
    return Rewrite(
        question=_plain(question),
        passages=passages or "(none)",
        answer=_plain(answer[-_LONGEST_ANSWER:]) or "(nothing so far)",
        rejected=_plain(rejected[:_LONGEST_SENTENCE]) or "(withheld)",
        reason=_plain(reason),
    )


def likeliest(wanted: str, evidence: Sequence[Content], most: int) -> list[int]:
    """The places of the passages that share most words with what is wanted, at most that many, in their own order.

    Words that few passages have count for more.

    >>> likeliest("how long is the Thames?", [Content("the Thames"), Content("a bus"), Content("a long Thames")], 2)
    [0, 2]
    """
    if len(evidence) <= most:
        return list(range(len(evidence)))
    from tamis.models.lexical import tokenize

    words = set(tokenize(wanted))
    held = [words & set(tokenize(one.text)) for one in evidence]
    spread = {word: sum(word in each for each in held) for word in words}
    weight = [sum(1 / spread[word] for word in sorted(each)) for each in held]
    return sorted(sorted(range(len(evidence)), key=lambda at: -weight[at])[:most])


def is_nothing(sentence: str) -> bool:
    """Whether a reply's first sentence is the word for "nothing to add".

    >>> is_nothing("NONE."), is_nothing("None of them moved.")
    (True, False)
    """
    return sentence.strip(" \t\r\n.!\"'`*") == NOTHING_TO_ADD


def _plain(text: str) -> str:
    from tamis.models.http.neutral import plain

    return plain(text, TAGS).strip()
