"""How much of an answer its context bears out, by two checkers that must agree; where it first leaves it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..outcome import Outcome, Scored, Unscored
from ..trust.checkers import DEFAULT, Checkers, checked, judge_of
from ..trust.grounding import Grounding, ground
from .answered import answer_of
from .metric import About, Counted, Observed

NO_CLAIM = Unscored("the answer claims nothing that could be checked")
NO_EVIDENCE = Unscored("the target shows no passages to check the answer against")
NO_AGREEMENT = Unscored("the two checkers agree on no claim")


@dataclass(frozen=True)
class Faithfulness:
    """The share of claims that the context supports, among those on which both checkers agree; in [0, 1].

    Claims are sentences (ragas calls the like faithfulness; two checkers after SENTINEL, 2025). Higher is better.
    Unscored for an empty answer, a refusal, an answer that claims nothing, and where the two agree on nothing: read it
    with ``claims_agreed``.
    """

    checkers: Checkers = DEFAULT

    name: ClassVar[str] = "faithfulness"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=True)
    counts: ClassVar[Counted] = "supported"

    def __post_init__(self) -> None:
        object.__setattr__(self, "checkers", checked(self.checkers))

    @property
    def judged_by(self) -> str:
        """The two-checker rule's name, as ``tamis judge check --judge agreed`` has it."""
        a, b = self.checkers
        return f"{judge_of(a).name}&{judge_of(b).name}"

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        return {self.name: _grounded(seen, self.checkers, lambda one: _share(one.faithfulness))}


@dataclass(frozen=True)
class ClaimsAgreed:
    """The share of an answer's claims on which both checkers agree, in [0, 1]: what ``faithfulness`` speaks of."""

    checkers: Checkers = DEFAULT

    name: ClassVar[str] = "claims_agreed"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "checkers", checked(self.checkers))

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        return {self.name: _grounded(seen, self.checkers, lambda one: _share(one.coverage))}


@dataclass(frozen=True)
class Hallucinated:
    """Whether both checkers deny some claim of the answer: 1 or 0, lower is better (RAGTruth's response level).

    Unscored as ``faithfulness``: its mean is a rate over answers that claim something, so read ``answered`` beside it.
    """

    checkers: Checkers = DEFAULT

    name: ClassVar[str] = "hallucinated"
    about: ClassVar[About] = About(is_rate=True, higher_is_better=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "checkers", checked(self.checkers))

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        def found(one: Grounding) -> Outcome:
            return Scored(float(one.first_unsupported is not None)) if one.agreed else NO_AGREEMENT

        return {self.name: _grounded(seen, self.checkers, found)}


@dataclass(frozen=True)
class FirstUnsupported:
    """The number, from 1, of the first sentence that both checkers deny; later is better. Unscored where none is."""

    checkers: Checkers = DEFAULT

    name: ClassVar[str] = "first_unsupported"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=True, unit="sentence")

    def __post_init__(self) -> None:
        object.__setattr__(self, "checkers", checked(self.checkers))

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        def found(one: Grounding) -> Outcome:
            if not one.agreed:
                return NO_AGREEMENT
            first = one.first_unsupported
            return Unscored("no claim is unsupported") if first is None else Scored(first)

        return {self.name: _grounded(seen, self.checkers, found)}


@dataclass(frozen=True)
class UnsupportedAfter:
    """The share of unsupported claims after the first one, in [0, 1]: how far a hallucination spreads (SENTINEL).

    Against ``1 - faithfulness`` over all answers it tells whether a first one brings others. Unscored where no claim
    is unsupported, and where none that both checkers agree on follows the first.
    """

    checkers: Checkers = DEFAULT

    name: ClassVar[str] = "unsupported_after"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "checkers", checked(self.checkers))

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        def found(one: Grounding) -> Outcome:
            if one.agreed and one.first_unsupported is None:
                return Unscored("no claim is unsupported")
            after = one.unsupported_after
            return Unscored("no claim follows the first unsupported one") if after is None else Scored(after)

        return {self.name: _grounded(seen, self.checkers, found)}


def _grounded(seen: Observed, checkers: Checkers, judge: Callable[[Grounding], Outcome]) -> Outcome:
    answer = answer_of(seen)
    if isinstance(answer, Unscored):
        return answer
    if not seen.trace.context:
        return NO_EVIDENCE
    found = ground(answer, [passage.content for passage in seen.trace.context], checkers)
    return judge(found) if found.claims else NO_CLAIM


def _share(value: float | None) -> Outcome:
    return NO_AGREEMENT if value is None else Scored(value)
