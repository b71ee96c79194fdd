"""Where an answer stands on its context: each claim with the evidence for it, and what two checkers say of that."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from tamis.core.content import Content
from tamis.models.judge import Verdict
from tamis.models.lexical import tokenize

from .checkers import Checkers, judge_of, verdicts
from .claims import Claim, claims_of

Standing = Literal["supported", "unsupported", "disagreed", "unknown"]
"""What two checkers come to: both say so, both deny it, they differ, or one has no verdict."""

EVIDENCE = 5
"""Passages that a claim is checked against at most."""


class Checked(NamedTuple):
    """A claim, the places of its evidence among the passages (from 0), both verdicts, and what they come to."""

    claim: Claim
    evidence: tuple[int, ...]
    first: Verdict
    second: Verdict
    standing: Standing


@dataclass(frozen=True)
class Grounding:
    """An answer's claims as two checkers see them. Every share is None where it has nothing to be a share of."""

    claims: tuple[Checked, ...]

    @property
    def agreed(self) -> tuple[Checked, ...]:
        """Those on which both checkers say the same."""
        return tuple(one for one in self.claims if one.standing in ("supported", "unsupported"))

    @property
    def coverage(self) -> float | None:
        """The share of claims that the two agree on."""
        return len(self.agreed) / len(self.claims) if self.claims else None

    @property
    def faithfulness(self) -> float | None:
        """The share of supported claims among those that the two agree on."""
        agreed = self.agreed
        return sum(one.standing == "supported" for one in agreed) / len(agreed) if agreed else None

    @property
    def first_unsupported(self) -> int | None:
        """The number, from 1, of the first sentence that both deny; None where there is none."""
        return next((one.claim.number for one in self.claims if one.standing == "unsupported"), None)

    @property
    def unsupported_after(self) -> float | None:
        """The share of unsupported claims, among those agreed on, after the first unsupported one.

        None where nothing follows it. Before it the share is 0, by what "first" means.
        """
        first = self.first_unsupported
        after = [] if first is None else [one for one in self.agreed if one.claim.number > first]
        return sum(one.standing == "unsupported" for one in after) / len(after) if after else None


def standing_of(first: Verdict, second: Verdict, *, threshold: float = 0.5) -> Standing:
    """What two verdicts come to: a probability of at least ``threshold`` is a yes.

    >>> yes, no, unknown = Verdict(0.9), Verdict(0.2), Verdict(None, "a refusal")
    >>> standing_of(yes, yes), standing_of(yes, no), standing_of(unknown, yes)
    ('supported', 'disagreed', 'unknown')
    """
    if first.supported is None or second.supported is None:
        return "unknown"
    says = (first.supported >= threshold, second.supported >= threshold)
    if says[0] != says[1]:
        return "disagreed"
    return "supported" if says[0] else "unsupported"


def evidence_for(claim: str, passages: Sequence[Content], most: int = EVIDENCE) -> tuple[int, ...]:
    """The places of the passages that a claim is checked against, in their order: those that share most of its words.

    Passages with images stay, for a judge that sees them; where words do not tell, the first passages do.

    >>> evidence_for("red bus", [Content("a cat"), Content("a red bus"), Content("a bus")], most=2)
    (1, 2)
    """
    words = set(tokenize(claim))
    shared = [len(words & _terms(one.text)) for one in passages]
    order = sorted(range(len(passages)), key=lambda place: (-shared[place], not passages[place].images, place))
    return tuple(sorted(order[:most]))


def ground(answer: str, passages: Sequence[Content], checkers: Checkers) -> Grounding:
    """Every claim of an answer against its evidence among the passages, by both checkers.

    Without a passage nothing can be checked: every claim is then "unknown".
    """
    return _ground(answer, tuple(passages), checkers)


@lru_cache(maxsize=32)
def _ground(answer: str, passages: tuple[Content, ...], checkers: Checkers) -> Grounding:
    # Several metrics ask the same of one answer, one after the other.
    claims = claims_of(answer)
    places = [evidence_for(claim.text, passages) for claim in claims]
    if not passages:
        none = Verdict(None, "there is no evidence to check against")
        return Grounding(tuple(Checked(claim, (), none, none, "unknown") for claim in claims))
    texts = [claim.text for claim in claims]
    evidence = [[passages[place] for place in found] for found in places]
    first, second = (verdicts(judge_of(one), texts, evidence) for one in checkers)
    return Grounding(
        tuple(
            Checked(claim, found, a, b, standing_of(a, b))
            for claim, found, a, b in zip(claims, places, first, second, strict=True)
        )
    )


@lru_cache(maxsize=512)
def _terms(text: str) -> frozenset[str]:
    return frozenset(tokenize(text))
