"""Whether an answer cites what bears it out: ALCE's recall and precision, marks that lead nowhere, and cited gold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from tamis.models.judge import Judge

from ..outcome import Outcome, Scored, Unscored
from ..trust.attribution import Attributed, attribute, citation_precision, citation_recall, entailment
from ..trust.checkers import ONE, judge_of
from ..trust.citations import cited_places, marks
from ..trust.claims import claims_of
from .answered import answer_of
from .faithfulness import NO_CLAIM, NO_EVIDENCE
from .gold import NO_GOLD
from .metric import About, Observed

NO_VERDICT = Unscored("the judge has no verdict on any cited sentence")
NOTHING_CITED = Unscored("the answer cites nothing")


@dataclass(frozen=True)
class CitationRecall:
    """The share of the answer's claims that the passages they cite bear out, all together; in [0, 1], higher is better.

    ALCE (Gao et al., EMNLP 2023): a sentence without a citation, and one that cites a number that was not retrieved,
    counts 0. ``judge`` says what bears out. Unscored for silence and for an answer that claims nothing.
    """

    judge: str | Judge = ONE

    name: ClassVar[str] = "citation_recall"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=True)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        def recall(found: Sequence[Attributed]) -> Outcome:
            value = citation_recall(found)
            return NO_VERDICT if value is None else Scored(value)

        return {self.name: _attributed(seen, self.judge, recall)}


@dataclass(frozen=True)
class CitationPrecision:
    """The share of the answer's citations that are of use, in [0, 1], higher is better (ALCE).

    A citation is of no use where its passage does not bear out the sentence and the others that are cited do; none is
    where they do not even together, or one of them was not retrieved. Unscored where nothing is cited.
    """

    judge: str | Judge = ONE

    name: ClassVar[str] = "citation_precision"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=True)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        def precision(found: Sequence[Attributed]) -> Outcome:
            value = citation_precision(found)
            if value is None:
                return NO_VERDICT if any(one.cited for one in found) else NOTHING_CITED
            return Scored(value)

        return {self.name: _attributed(seen, self.judge, precision)}


@dataclass(frozen=True)
class CitationsValid:
    """The share of citation marks whose number is that of a retrieved passage; in [0, 1], higher is better.

    Unscored where nothing is cited, and for silence.
    """

    name: ClassVar[str] = "citations_valid"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=True)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        answer = answer_of(seen)
        if isinstance(answer, Unscored):
            return {self.name: answer}
        cited = marks(answer)
        if not seen.trace.steps or not cited:
            return {self.name: NOTHING_CITED if seen.trace.steps else NO_EVIDENCE}
        return {self.name: Scored(len(cited_places(tuple(cited), len(seen.trace.context))) / len(cited))}


@dataclass(frozen=True)
class EvidenceShown:
    """The share of claims with a citation of something that was retrieved, borne out or not; in [0, 1].

    What a reader can check, higher is better. Unscored for silence and for an answer that claims nothing.
    """

    name: ClassVar[str] = "evidence_shown"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=True)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        answer = answer_of(seen)
        if isinstance(answer, Unscored):
            return {self.name: answer}
        if not seen.trace.context:
            return {self.name: NO_EVIDENCE}
        claims = claims_of(answer)
        if not claims:
            return {self.name: NO_CLAIM}
        count = len(seen.trace.context)
        return {self.name: Scored(sum(bool(cited_places(one.cited, count)) for one in claims) / len(claims))}


@dataclass(frozen=True)
class CitedGold:
    """F1 of the set of cited passages against the relevant ones that were retrieved; in [0, 1], higher is better.

    By ids, without a judge (TrustworthyRAG's accountability). An answer that cites nothing counts 0; a mark that leads
    nowhere is a wrong one. Unscored for silence, and where nothing relevant was retrieved, so that none could be cited.
    """

    name: ClassVar[str] = "cited_gold_f1"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=True)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        answer, passages = answer_of(seen), seen.trace.context
        if isinstance(answer, Unscored):
            return {self.name: answer}
        if not seen.case.gold:
            return {self.name: NO_GOLD}
        gold = {one.id for one in passages} & seen.case.gold
        if not gold:
            return {self.name: Unscored("no relevant passage fed the answer")}
        cited = tuple(dict.fromkeys(marks(answer)))
        found = {passages[place].id for place in cited_places(cited, len(passages))}
        wrong = len(cited) - len(cited_places(cited, len(passages)))
        return {self.name: Scored(2 * len(found & gold) / (len(found) + wrong + len(gold)))}


def _attributed(seen: Observed, judge: str | Judge, score: Callable[[Sequence[Attributed]], Outcome]) -> Outcome:
    answer = answer_of(seen)
    if isinstance(answer, Unscored):
        return answer
    if not seen.trace.context:
        return NO_EVIDENCE
    claims = claims_of(answer)
    if not claims:
        return NO_CLAIM
    passages = [passage.content for passage in seen.trace.context]
    entails = entailment(judge_of(judge))
    return score([attribute(claim, passages, entails) for claim in claims])
