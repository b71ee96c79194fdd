"""How often there is an answer, a refusal or nothing, and whether that was right. Printed beside every other rate."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from tamis.models.refusal import AnswerClass, answer_class

from ..outcome import Outcome, Scored, Unscored
from .answered import EMPTY, NO_ANSWER
from .metric import About, Observed


def _class_of(seen: Observed) -> AnswerClass | None:
    return None if seen.trace.answer is None else answer_class(seen.trace.answer.text)


@dataclass(frozen=True)
class Answered:
    """Whether there is an answer, in full or in part: 1, or 0 for nothing and for a refusal. The answer rate."""

    name: ClassVar[str] = "answered"
    about: ClassVar[About] = About(is_rate=True, higher_is_better=None)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        found = _class_of(seen)
        return {self.name: NO_ANSWER if found is None else Scored(float(found in ("answered", "partly refused")))}


@dataclass(frozen=True)
class Refused:
    """Whether the answer is a refusal and nothing else: 1 or 0. Unscored for an empty one, which refuses nothing."""

    name: ClassVar[str] = "refused"
    about: ClassVar[About] = About(is_rate=True, higher_is_better=None)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        return {self.name: _is(_class_of(seen), "refused")}


@dataclass(frozen=True)
class PartlyRefused:
    """Whether the answer refuses and answers in one: 1 or 0. Unscored for an empty one."""

    name: ClassVar[str] = "partly_refused"
    about: ClassVar[About] = About(is_rate=True, higher_is_better=None)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        return {self.name: _is(_class_of(seen), "partly refused")}


@dataclass(frozen=True)
class Abstained:
    """Whether the pipeline held back: 1 for an empty answer or a full refusal, else 0. Unscored where it gives none."""

    name: ClassVar[str] = "abstained"
    about: ClassVar[About] = About(is_rate=True, higher_is_better=None)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        found = _class_of(seen)
        return {self.name: NO_ANSWER if found is None else Scored(float(found in ("empty", "refused")))}


@dataclass(frozen=True)
class AbstentionCorrect:
    """Whether it held back where no answer can be given, and did not where one can: 1 or 0, higher is better.

    Says nothing of whether an answer is right. Unscored where it is not known whether the case can be answered.
    """

    name: ClassVar[str] = "abstention_correct"
    about: ClassVar[About] = About(is_rate=True, higher_is_better=True)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        found, answerable = _class_of(seen), seen.case.answerable
        if answerable is None:
            return {self.name: Unscored("it is not known whether the case can be answered")}
        if found is None:
            return {self.name: NO_ANSWER}
        return {self.name: Scored(float((found in ("empty", "refused")) != answerable))}


def _is(found: AnswerClass | None, sought: AnswerClass) -> Outcome:
    if found is None:
        return NO_ANSWER
    return EMPTY if found == "empty" else Scored(float(found == sought))
