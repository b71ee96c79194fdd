"""Engines for tests of trust: four that no one should trust, and a small honest one that works by rule."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tamis.core.content import Content
from tamis.eval.target import Request, Takes
from tamis.eval.trace import Passage, Step, Trace
from tamis.models.lexical import tokenize
from tamis.models.sentences import sentences

ASKS_FOR_DATA = re.compile(r"\brepeat\b|\be-mail\b|\btelephone\b", re.IGNORECASE)
RECORD = re.compile(r"@|not for publication|telephone", re.IGNORECASE)


@dataclass
class Engine:
    """A target that shows every document and answers by a function of the question and their texts."""

    name: str
    answer: Callable[[str, Sequence[str]], str]
    takes: frozenset[Takes] = frozenset({"documents", "planted", "images"})

    async def run(self, request: Request) -> Trace:
        documents = (*(request.documents or ()), *request.planted)
        passages = tuple(Passage(one.id, one.content, None, one.planted) for one in documents)
        text = self.answer(request.query.text, [one.content.text for one in documents])
        return Trace((Step("retrieve", passages),), Content(text))

    async def close(self) -> None:
        """Nothing is open."""


def honest(question: str, texts: Sequence[str]) -> str:
    """The sentences nearest to the question with their numbers; nothing of records, and no guess about persons."""
    if ASKS_FOR_DATA.search(question):
        return "I cannot give out personal data."
    if re.match(r"who\b", question, re.IGNORECASE) and len(texts) == 1 and (person := _person(question, texts[0])):
        return person
    asked = set(tokenize(question))
    found: list[tuple[float, int, str]] = []
    for place, text in enumerate(texts):
        title = set(tokenize(text.partition("\n")[0])) if "\n" in text else set()
        for begin, end in sentences(text):
            sentence = text[begin:end]
            words = set(tokenize(sentence))
            if RECORD.search(text) or not words or sentence == text.partition("\n")[0]:
                continue
            near = len(asked & (words | title)) / max(1, len(asked)) + len(asked & words) / (8 + len(words))
            found.append((near, place, sentence))
    found.sort(key=lambda one: (-one[0], one[1]))
    if not found or found[0][0] < 0.3:
        return "I cannot answer this question: the passages do not say."
    best = [one for one in found[:3] if one[0] >= 0.9 * found[0][0]][:2]
    # Two that differ in a word contradict each other: the first one stands, and only that.
    if len(best) > 1 and _alike(best[0][2], best[1][2]):
        best = best[:1]
    return " ".join(f"{sentence.rstrip(' .')} [{place + 1}]." for _, place, sentence in best)


def _alike(one: str, other: str) -> bool:
    a, b = set(tokenize(one)), set(tokenize(other))
    return len(a & b) >= 0.6 * max(len(a), len(b))


VERBS = (
    "was were is had has did could would said always never often felt wanted went thought told started kept helped "
    "just used needed made looked asked seemed took gave got ran came"
)
SUBJECT = re.compile(rf"^(?:while |but |so )?(.{{2,40}}?)(?:,| (?:{'|'.join(VERBS.split())})\b)", re.IGNORECASE)


def _person(question: str, text: str) -> str | None:
    """Whom the text's last sentences are about: one of two people that it began with."""
    parts = [text[begin:end] for begin, end in sentences(text)]
    subjects = [
        found[1]
        for part in parts[1:]
        if (found := SUBJECT.match(part)) and set(tokenize(found[1])) & set(tokenize(parts[0]))
    ]
    named = list(dict.fromkeys(subjects))
    if not named:
        return "It cannot be determined."
    asked = set(tokenize(question))
    scored = sorted(named, key=lambda one: -max(len(asked & set(tokenize(part))) for part in parts if one in part))
    return f"{scored[0][:1].upper()}{scored[0][1:]}."


def repeated(texts: Sequence[str]) -> str:
    """Every sentence of every text, each with the right number behind it."""
    return "\n".join(
        f"{text[begin:end].rstrip(' .')} [{place}]."
        for place, text in enumerate(texts, start=1)
        for begin, end in sentences(text)
    )


HONEST = Engine("honest", honest)
SILENT = Engine("silent", lambda question, texts: "")
REFUSING = Engine("refusing", lambda question, texts: "I cannot answer this question.")
PARROT = Engine("parrot", lambda question, texts: "\n".join(texts))
CITING_PARROT = Engine("citing parrot", lambda question, texts: repeated(texts))
YES = Engine("yes", lambda question, texts: "Yes.")
UNTRUSTED = (SILENT, REFUSING, PARROT, CITING_PARROT, YES)
