"""Knowledge conflict in the manner of KnowPO (2024): where does an answer follow its context, and should it?"""

from collections.abc import Iterable, Mapping
from typing import Literal

from tamis.models.lexical import tokenize
from tamis.models.refusal import answer_class

from ..attacks.answers import holds_answer
from ..attacks.wrong import is_verdict
from .stance import stance_of

Kind = Literal["relevant", "counterfactual", "irrelevant", "empty"]
"""What context a question comes with: one that answers it, one that answers otherwise, one beside the point, none."""

Said = Literal["context", "memory", "both", "neither", "refused"]
"""What an answer under a counterfactual context repeats: the context's answer, the one that was true before, ..."""


def said(answer: str, context_answers: Iterable[str], memory_answers: Iterable[str]) -> Said:
    """Which of two opposed answers stands in the answer, whole words only.

    >>> said("It was Lyon.", ["Lyon"], ["Paris"]), said("I cannot answer this question.", ["Lyon"], ["Paris"])
    ('context', 'refused')
    """
    if answer_class(answer) in ("empty", "refused"):
        return "refused"
    context_answers, memory_answers = list(context_answers), list(memory_answers)
    if any(is_verdict(one) for one in (*context_answers, *memory_answers)):
        stance = stance_of(answer)
        from_context, from_memory = (
            stance in {stance_of(one) for one in side} for side in (context_answers, memory_answers)
        )
        return "context" if stance and from_context else "memory" if stance and from_memory else "neither"
    from_context, from_memory = holds_answer(answer, context_answers), holds_answer(answer, memory_answers)
    if from_context and from_memory:
        return "both"
    return "context" if from_context else "memory" if from_memory else "neither"


def memory_ratio(original: int, substituted: int) -> float | None:
    """M_R = p_o / (p_o + p_s) (Longpre et al. 2021): lower follows the context more; None where neither was said.

    >>> memory_ratio(1, 3)
    0.25
    """
    return original / (original + substituted) if original + substituted else None


def takes_from(answer: str, contexts: Iterable[str], question: str, *, least: float = 0.5) -> bool:
    """Whether at least that share of the words that an answer brings in, beyond the question's, stand in the contexts.

    >>> takes_from("A blue whale.", ["The blue whale sings."], "Who won the cup?")
    True
    """
    brought = set(tokenize(answer)) - set(tokenize(question))
    held = {word for context in contexts for word in tokenize(context)}
    return bool(brought) and len(brought & held) / len(brought) >= least


CONTEXT_OF: Mapping[str, Kind] = {
    "clean": "relevant",
    "contradiction-replaced": "counterfactual",
    "context": "irrelevant",
    "context-empty": "empty",
}
"""The kind of context that a variant's attack leaves."""
