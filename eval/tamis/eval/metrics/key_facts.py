"""Whether an answer says what matters: the key facts that are known of a case, by a judge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from tamis.core.content import Content
from tamis.models.judge import Judge

from ..case import Case
from ..outcome import Outcome, Scored, Unscored
from ..trust.checkers import ONE, judge_of, verdicts
from ..trust.citations import without_marks
from ..trust.claims import claims_of
from .answered import answer_of
from .faithfulness import NO_CLAIM
from .metric import About, Counted, Observed

NO_FACTS = Unscored("no key facts of the case are known")
NO_VERDICT = Unscored("the judge has no verdict on any key fact")


def key_facts(case: Case) -> list[str]:
    """The key facts in ``extra["key_facts"]``, or the first answer's ``selected_sentences`` (CLAPnq), each once."""
    known = case.extra.get("key_facts")
    if known is None:
        marked = case.extra.get("selected_sentences") or ()
        known = marked[0] if marked else ()
    if isinstance(known, str) or not isinstance(known, Sequence):
        return []
    return list(dict.fromkeys(one for one in known if isinstance(one, str) and one.strip()))


@dataclass(frozen=True)
class KeyFactsRecall:
    """The share of key facts that the answer bears out, in [0, 1], higher is better (TrustworthyRAG's transparency).

    ``judge`` takes the answer for evidence and each fact for a claim. Unscored for silence and without key facts.
    """

    judge: str | Judge = ONE

    name: ClassVar[str] = "key_facts_recall"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=True)
    counts: ClassVar[Counted] = "supported"

    @property
    def judged_by(self) -> str:
        """The judge's name."""
        return judge_of(self.judge).name

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        facts, answer = key_facts(seen.case), answer_of(seen)
        if not facts:
            return {self.name: NO_FACTS}
        if isinstance(answer, Unscored):
            return {self.name: answer}
        evidence = [Content(without_marks(answer))]
        found = verdicts(judge_of(self.judge), facts, [evidence] * len(facts))
        known = [one.supported >= 0.5 for one in found if one.supported is not None]
        return {self.name: Scored(sum(known) / len(known)) if known else NO_VERDICT}


@dataclass(frozen=True)
class KeyFactsPrecision:
    """The share of the answer's claims that go with a key fact, in [0, 1], higher is better.

    A claim goes with a fact where one of the two bears the other out. Sentences are counted, so it cannot pass 1.
    """

    judge: str | Judge = ONE

    name: ClassVar[str] = "key_facts_precision"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=True)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        facts, answer = key_facts(seen.case), answer_of(seen)
        if not facts:
            return {self.name: NO_FACTS}
        if isinstance(answer, Unscored):
            return {self.name: answer}
        claims = [one.text for one in claims_of(answer)]
        if not claims:
            return {self.name: NO_CLAIM}
        judge = judge_of(self.judge)
        pairs = [(claim, fact) for claim in claims for fact in facts]
        forward = verdicts(judge, [claim for claim, _ in pairs], [[Content(fact)] for _, fact in pairs])
        backward = verdicts(judge, [fact for _, fact in pairs], [[Content(claim)] for claim, _ in pairs])
        if all(one.supported is None for one in (*forward, *backward)):
            return {self.name: NO_VERDICT}
        goes = {
            claim
            for (claim, _), one, other in zip(pairs, forward, backward, strict=True)
            if (one.supported or 0.0) >= 0.5 or (other.supported or 0.0) >= 0.5
        }
        return {self.name: Scored(sum(claim in goes for claim in claims) / len(claims))}
