"""Conflict cases from ConflictQA (Xie et al. 2024): a text against what a model believed, alone or beside its own."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..case import Case
from .stance import Stance

_DENIALS = (" not ", " no ", " never ", " cannot ", "n't ", " without ", " none ", " nor ", " neither ")
FORMS: Mapping[Stance, tuple[str, str]] = {"yes": ("yes", "true"), "no": ("no", "false")}


def counter_memory_cases(cases: Iterable[Case]) -> list[Case]:
    """Three cases for each question of ``load(..., "conflictqa")`` whose two answers differ by a denial.

    Tagged "counter" (the text against the memory, alone), "memory-first" and "counter-first" (both texts). ``answers``
    are the forms of the memory's answer, ``extra["context_answers"]`` those of the other, so that ``memory_ratio`` says
    how often the memory wins. Who is right does not matter here. A question whose two sentences both deny, or both do
    not, is left out: which of them says yes cannot be told.
    """
    found = []
    for case in cases:
        memory, counter = (denies(str(case.extra.get(f"{side}_answer", ""))) for side in ("memory", "counter"))
        texts = {one.id: one for one in case.documents}
        one, other = (texts.get(str(case.extra.get(side))) for side in ("memory", "counter"))
        if memory == counter or one is None or other is None or one.id == other.id:
            continue
        believed, opposed = FORMS["no" if memory else "yes"], FORMS["no" if counter else "yes"]
        for kind, documents in (("counter", (other,)), ("memory-first", (one, other)), ("counter-first", (other, one))):
            found.append(
                replace(
                    case,
                    id=f"{case.id}-{kind}",
                    documents=documents,
                    answers=believed,
                    answerable=None,
                    tags=(kind,),
                    group=case.cluster,
                    extra={**case.extra, "context_answers": opposed},
                )
            )
    return found


def denies(sentence: str) -> bool:
    """Whether a sentence has a denial in it.

    >>> denies("More people are not related to him."), denies("Notes are related.")
    (True, False)
    """
    text = f" {sentence.casefold().replace('’', chr(39))} "
    return sum(text.count(one) for one in _DENIALS) % 2 == 1
