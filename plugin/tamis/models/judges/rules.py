"""Judges by one rule each, without a model: exact wording, numbers, dates, names, negation."""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from tamis.core.content import Content

from ..judge import Verdict
from .features import LONGEST, best_windows, evidence_of, facts_of
from .polarity import conflicts, opposed, polarity_of
from .reading import checked_pairs, texts_of, unreadable

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_SHOWN = 40


class TextJudge(ABC):
    """A judge that reads text: what cannot be read has no verdict, and ``weighed`` says the rest."""

    def judge(self, claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> list[Verdict]:
        """One verdict for each claim. Raises BadInput where there are not as many lists of evidence as claims."""
        checked_pairs(claims, evidence)
        verdicts = [unreadable(claim, passages) for claim, passages in zip(claims, evidence, strict=True)]
        open_ones = [at for at, verdict in enumerate(verdicts) if verdict is None]
        found = self.weighed([claims[at] for at in open_ones], [texts_of(evidence[at]) for at in open_ones])
        by_place = dict(zip(open_ones, found, strict=True))
        return [verdict or by_place[at] for at, verdict in enumerate(verdicts)]

    @abstractmethod
    def weighed(self, claims: Sequence[str], texts: Sequence[tuple[str, ...]]) -> list[Verdict]:
        """Verdicts on claims that have something in them, against texts that have."""


@dataclass(frozen=True)
class ExactJudge(TextJudge):
    """P = 1 where the claim stands in the evidence word for word (case and punctuation apart), otherwise 0."""

    @property
    def name(self) -> str:
        """Its name."""
        return "exact"

    def weighed(self, claims: Sequence[str], texts: Sequence[tuple[str, ...]]) -> list[Verdict]:
        """See ``TextJudge``. A claim without a word has no verdict."""
        return [_exact(claim, known) for claim, known in zip(claims, texts, strict=True)]


@dataclass(frozen=True)
class NumberJudge(TextJudge):
    """Whether every number of the claim is in the evidence, in digits or words, with the same unit.

    P = 1 where all are, otherwise half the share of those that are; None for a claim without numbers.
    """

    @property
    def name(self) -> str:
        """Its name."""
        return "number"

    def weighed(self, claims: Sequence[str], texts: Sequence[tuple[str, ...]]) -> list[Verdict]:
        """See ``TextJudge``."""
        verdicts = []
        for claim, known in zip(claims, texts, strict=True):
            facts = facts_of(claim, evidence_of(known))
            missing = [claim[one.begin : one.end] for one in facts.numbers_missing]
            verdicts.append(_share(len(facts.numbers), missing, "number"))
        return verdicts


@dataclass(frozen=True)
class DateJudge(TextJudge):
    """Whether every date of the claim is in the evidence, at least as exactly. P as for numbers; None without dates."""

    @property
    def name(self) -> str:
        """Its name."""
        return "date"

    def weighed(self, claims: Sequence[str], texts: Sequence[tuple[str, ...]]) -> list[Verdict]:
        """See ``TextJudge``."""
        verdicts = []
        for claim, known in zip(claims, texts, strict=True):
            facts = facts_of(claim, evidence_of(known))
            missing = [claim[one.begin : one.end] for one in facts.dates_missing]
            verdicts.append(_share(len(facts.dates), missing, "date"))
        return verdicts


@dataclass(frozen=True)
class EntityJudge(TextJudge):
    """Whether every name of the claim is in the evidence with all its words. P as for numbers; None without names."""

    @property
    def name(self) -> str:
        """Its name."""
        return "entity"

    def weighed(self, claims: Sequence[str], texts: Sequence[tuple[str, ...]]) -> list[Verdict]:
        """See ``TextJudge``."""
        verdicts = []
        for claim, known in zip(claims, texts, strict=True):
            facts = facts_of(claim, evidence_of(known))
            verdicts.append(_share(len(facts.names), [one.text for one in facts.names_missing], "name"))
        return verdicts


@dataclass(frozen=True)
class NegationJudge(TextJudge):
    """Whether the claim denies what the evidence says, says what it denies, or says the opposite of a word of it.

    P = 1 where it does not, 0 where it does; None where no content word of the claim is in the evidence.
    """

    @property
    def name(self) -> str:
        """Its name."""
        return "negation"

    def weighed(self, claims: Sequence[str], texts: Sequence[tuple[str, ...]]) -> list[Verdict]:
        """See ``TextJudge``."""
        return [_polar(claim, known) for claim, known in zip(claims, texts, strict=True)]


def _exact(claim: str, texts: tuple[str, ...]) -> Verdict:
    wanted = _WORD.findall(claim.casefold())
    if not wanted:
        return Verdict(None, "the claim has no word")
    sought = f" {' '.join(wanted)} "
    if any(sought in f" {' '.join(_WORD.findall(text.casefold()))} " for text in texts):
        return Verdict(1.0, "word for word in the evidence")
    return Verdict(0.0, "not word for word in the evidence")


def _share(total: int, missing: Sequence[str], kind: str) -> Verdict:
    if not total:
        return Verdict(None, f"the claim has no {kind} to check")
    if not missing:
        return Verdict(1.0, f"every {kind} is in the evidence")
    return Verdict(0.5 * (1 - len(missing) / total), f"{kind} not in the evidence: {missing[0][:_SHOWN]}")


def _polar(claim: str, texts: tuple[str, ...]) -> Verdict:
    evidence = evidence_of(texts)
    said = polarity_of(claim[:LONGEST])
    windows = best_windows(list(said.of), evidence)
    if not windows:
        return Verdict(None, "no word of the claim is in the evidence, so nothing tells whether they contradict")
    near = " ".join(piece for at in windows[:3] for piece in evidence.sentences[at : at + 2])
    if conflicts(said, polarity_of(near)):
        return Verdict(0.0, "a negation in one of them and not in the other")
    if words := opposed(_WORD.findall(claim[:LONGEST].casefold()), evidence.words):
        return Verdict(0.0, f"the evidence has the opposite of: {words[0][:_SHOWN]}")
    return Verdict(1.0, "they do not contradict each other")
