"""Whether an answer is right, by its words alone: the same, sharing words, or holding an accepted one."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..attacks.answers import holds_answer, normalised
from ..outcome import Outcome, Scored, Unscored
from .answered import accepted, answer_of
from .metric import About, Observed

_ARTICLES = frozenset({"a", "an", "the"})


@dataclass(frozen=True)
class AnswerExactMatch:
    """Whether the answer is an accepted one, articles, case and punctuation aside (as in SQuAD): 1 or 0.

    Unscored for an empty answer, a refusal and a case without accepted answers.
    """

    name: ClassVar[str] = "answer_exact_match"
    about: ClassVar[About] = About(is_rate=True, higher_is_better=True)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        def judge(answer: str, answers: Sequence[str]) -> float:
            return float(any(words(answer) == words(one) for one in answers))

        return {self.name: _judged(seen, judge)}


@dataclass(frozen=True)
class AnswerF1:
    """Words shared with the likest accepted answer (SQuAD, Rajpurkar et al. 2016); in [0, 1], higher is better.

    F1 of precision and recall over words, each as often as it comes. Unscored as for ``answer_exact_match``.
    """

    name: ClassVar[str] = "answer_f1"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=True)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        return {self.name: _judged(seen, lambda answer, answers: max(token_f1(answer, one) for one in answers))}


@dataclass(frozen=True)
class AnswerContained:
    """Whether an accepted answer stands in the answer, word by word ("9" is not in "1990"): 1 or 0.

    Unscored as for ``answer_exact_match``. A long answer that names many things holds more: read it with its length.
    """

    name: ClassVar[str] = "answer_contained"
    about: ClassVar[About] = About(is_rate=True, higher_is_better=True)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        return {self.name: _judged(seen, lambda answer, answers: float(holds_answer(answer, answers)))}


def words(text: str) -> list[str]:
    """The words that are compared: normalised, without articles unless nothing else is there.

    >>> words("The U.S. Army!"), words("A")
    (['us', 'army'], ['a'])
    """
    found = normalised(text).split()
    return [word for word in found if word not in _ARTICLES] or found


def token_f1(answer: str, accepted: str) -> float:
    """F1 over words, in [0, 1]; 0 where none is shared.

    >>> round(token_f1("in the year 1990", "1990"), 4)
    0.5
    """
    given, wanted = words(answer), words(accepted)
    shared = sum((Counter(given) & Counter(wanted)).values())
    return 2 * shared / (len(given) + len(wanted)) if shared else 0.0


def _judged(seen: Observed, judge: Callable[[str, Sequence[str]], float]) -> Outcome:
    answers = accepted(seen)
    if not answers:
        return Unscored("no accepted answer is known")
    answer = answer_of(seen)
    return answer if isinstance(answer, Unscored) else Scored(judge(answer, answers))
