"""Yes-or-no questions, as POPE asks about objects in pictures: whether the answer is right, and whether it is yes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..outcome import Outcome, Scored, Unscored
from ..trust.stance import Stance, stance_of
from .answered import answer_of
from .metric import About, Observed

NO_LABEL = Unscored("the case is no question to be answered with yes or no")
NEITHER = Unscored("the answer says neither yes nor no")


def label_of(seen: Observed) -> Stance | None:
    """The right answer of a yes-or-no question: ``extra["label"]``, AMBER's ``truth``, or the accepted answers."""
    for known in (seen.case.extra.get("label"), seen.case.extra.get("truth")):
        if known == "yes":
            return "yes"
        if known == "no":
            return "no"
    stances = {stance_of(answer) for answer in seen.case.answers}
    return stances.pop() if len(stances) == 1 else None


@dataclass(frozen=True)
class YesNoCorrect:
    """Whether a yes-or-no question is answered rightly: 1 or 0, higher is better.

    POPE (Li et al., EMNLP 2023) and AMBER take every answer that is not "no" for a "yes"; here silence, refusals and
    answers that say neither are unscored. An answerer that always says yes has half of POPE's right: read
    ``said_yes`` beside it.
    """

    name: ClassVar[str] = "yes_no_correct"
    about: ClassVar[About] = About(is_rate=True, higher_is_better=True)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        return {self.name: _stance(seen, lambda stance, label: Scored(float(stance == label)))}


@dataclass(frozen=True)
class SaidYes:
    """Whether the answer is yes: 1 or 0. Its mean is POPE's yes-ratio, which should be near the share of yes labels."""

    name: ClassVar[str] = "said_yes"
    about: ClassVar[About] = About(is_rate=True, higher_is_better=None)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        return {self.name: _stance(seen, lambda stance, _: Scored(float(stance == "yes")))}


@dataclass(frozen=True)
class YesToAbsent:
    """Whether something is said to be there that is not, over questions whose answer is no: 1 or 0, lower is better.

    The rate of object hallucination, over answers that say yes or no.
    """

    name: ClassVar[str] = "yes_to_absent"
    about: ClassVar[About] = About(is_rate=True, higher_is_better=False)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        def absent(stance: Stance, label: Stance) -> Outcome:
            return Scored(float(stance == "yes")) if label == "no" else Unscored("the right answer is yes")

        return {self.name: _stance(seen, absent)}


def _stance(seen: Observed, score: Callable[[Stance, Stance], Outcome]) -> Outcome:
    label = label_of(seen)
    if label is None:
        return NO_LABEL
    answer = answer_of(seen)
    if isinstance(answer, Unscored):
        return answer
    stance = stance_of(answer)
    return NEITHER if stance is None else score(stance, label)
