"""How sure a pipeline is of its answer, as far as its context's scores say so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..attacks.answers import holds_answer
from ..outcome import Outcome, Scored, Unscored
from ..trace import Trace
from .answered import accepted, answer_of
from .metric import About, Observed

NO_CONFIDENCE = Unscored("no passage that fed the answer has a score in [0, 1]")


def confidence_of(trace: Trace) -> float | None:
    """The highest score among the passages that fed the answer, as a probability; None where a score is none."""
    scores = [one.score for one in trace.context if one.score is not None]
    if not scores or min(scores) < 0 or max(scores) > 1:
        return None
    return max(scores)


@dataclass(frozen=True)
class Confidence:
    """The highest P(relevant) among the passages that fed the answer, in [0, 1], for answers.

    It is a confidence as far as a calibrated reranker gives it: a score that happens to lie in [0, 1] is not one.
    ``tamis.eval.trust.selective_answering`` says what it is worth. Unscored for silence, refusals and other scores.
    """

    name: ClassVar[str] = "confidence"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=None)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        answer, sure = answer_of(seen), confidence_of(seen.trace)
        if isinstance(answer, Unscored):
            return {self.name: answer}
        return {self.name: NO_CONFIDENCE if sure is None else Scored(sure)}


@dataclass(frozen=True)
class BrierScore:
    """(confidence - right)², in [0, 1], lower is better (Brier 1950); right: an accepted answer stands in the answer.

    Unscored as ``confidence``, and without an accepted answer.
    """

    name: ClassVar[str] = "brier_score"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=False)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        answer, sure, right = answer_of(seen), confidence_of(seen.trace), accepted(seen)
        if isinstance(answer, Unscored):
            return {self.name: answer}
        if sure is None or not right:
            return {self.name: NO_CONFIDENCE if right else Unscored("no accepted answer is known")}
        return {self.name: Scored((sure - holds_answer(answer, right)) ** 2)}
