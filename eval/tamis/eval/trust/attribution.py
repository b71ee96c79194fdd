"""Whether citations hold: ALCE's citation recall and precision of one answer (Gao et al., EMNLP 2023)."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from tamis.core.content import Content
from tamis.models.judge import Judge

from .checkers import verdicts
from .citations import cited_places
from .claims import Claim

Entails = Callable[[Sequence[Content], str], bool | None]
"""Whether passages together entail a sentence; None where that cannot be said."""


class Attributed(NamedTuple):
    """One sentence: whether its citations bear it out (1, 0, None unknown), and how many of its citations are of use.

    ``cited`` counts its citations; ``invalid`` those of passages that were not retrieved, which are among the useless.
    """

    recall: bool | None
    useful: int | None
    cited: int
    invalid: int


def attribute(claim: Claim, passages: Sequence[Content], entails: Entails) -> Attributed:
    """ALCE's two judgements of one sentence s with its citations C.

    Recall: C is not empty, every passage in it was retrieved, and all of them together entail s. Precision of a
    citation c: it is useless where c alone does not entail s and the others do, and all are useless where recall is 0.
    """
    places, cited = cited_places(claim.cited, len(passages)), len(claim.cited)
    invalid = cited - len(places)
    if not places or invalid:
        return Attributed(False, 0, cited, invalid)
    together = entails([passages[place] for place in places], claim.text)
    if together is None:
        return Attributed(None, None, cited, invalid)
    if not together:
        return Attributed(False, 0, cited, invalid)
    useless = 0
    for place in places if cited > 1 else ():
        others = [passages[other] for other in places if other != place]
        alone = entails([passages[place]], claim.text)
        without = entails(others, claim.text) if alone is False else False
        if alone is None or without is None:
            return Attributed(True, None, cited, invalid)
        useless += without
    return Attributed(True, cited - useless, cited, invalid)


def entailment(judge: Judge, threshold: float = 0.5) -> Entails:
    """A judge as the test of entailment: the passages are joined into one premise, as ALCE joins them.

    P(supported) of at least ``threshold`` is a yes.
    """

    def entails(passages: Sequence[Content], sentence: str) -> bool | None:
        (found,) = verdicts(judge, [sentence], [passages])
        return None if found.supported is None else found.supported >= threshold

    return entails


def citation_recall(sentences: Sequence[Attributed]) -> float | None:
    """The mean over sentences with a verdict, in [0, 1]; None without one."""
    known = [one.recall for one in sentences if one.recall is not None]
    return sum(known) / len(known) if known else None


def citation_precision(sentences: Sequence[Attributed]) -> float | None:
    """The share of citations that are of use, over sentences with a verdict, in [0, 1]; None where nothing is cited."""
    known = [(one.useful, one.cited) for one in sentences if one.useful is not None]
    cited = sum(count for _, count in known)
    return sum(useful for useful, _ in known) / cited if cited else None
