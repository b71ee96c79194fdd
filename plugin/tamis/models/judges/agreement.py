"""The two-checker rule: a verdict only where two judges agree; where they do not, the claim is disputed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tamis.core.content import Content
from tamis.core.errors import BadSetting

from ..judge import Judge, Verdict
from .reading import checked_pairs

DISPUTED = "disputed"
"""What the reason of a disputed verdict begins with."""


@dataclass(frozen=True)
class Agreed:
    """Judges with two judges (SENTINEL's rule): both support, both deny, or no verdict.

    P is the mean of both where both are on the same side of even odds. Where they are not, P is None and the reason
    begins with "disputed": see ``is_disputed``. Where one has no verdict, neither has this one. Two judges that look at
    the same things agree more often than they are right: take different ones, as the default "agreement" (numbers,
    dates, names, negations) and "coverage" (words) are; neither needs a model.
    """

    a: Any = "agreement"
    b: Any = "coverage"

    def __post_init__(self) -> None:
        from . import JUDGES

        object.__setattr__(self, "a", JUDGES.build(self.a))
        object.__setattr__(self, "b", JUDGES.build(self.b))
        if self.a == self.b:
            raise BadSetting(f'the two-checker rule needs two judges, not "{self.a.name}" twice')

    @property
    def name(self) -> str:
        """Both names."""
        return f"{self.a.name}&{self.b.name}"

    def settings(self) -> dict[str, Any]:
        """Its settings as JSON."""
        from . import JUDGES

        return {"a": JUDGES.spec(self.a), "b": JUDGES.spec(self.b)}

    def judge(self, claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> list[Verdict]:
        """One verdict for each claim."""
        checked_pairs(claims, evidence)
        both = zip(self.a.judge(claims, evidence), self.b.judge(claims, evidence), strict=True)
        return [self.joined(one, other) for one, other in both]

    def joined(self, one: Verdict, other: Verdict) -> Verdict:
        """What two verdicts on the same claim come to."""
        for judge, verdict in ((self.a, one), (self.b, other)):
            if verdict.supported is None:
                return Verdict(None, f"{judge.name}: {verdict.reason}")
        first, second = float(one.supported or 0.0), float(other.supported or 0.0)
        if (first >= 0.5) != (second >= 0.5):
            told = f"{self.a.name} says {first:.2f}, {self.b.name} says {second:.2f}"
            against = one.reason if first < 0.5 else other.reason
            return Verdict(None, f"{DISPUTED}: {told}; {against}")
        return Verdict((first + second) / 2, one.reason)


def agreed(a: "Judge | str", b: "Judge | str") -> Agreed:
    """The two-checker rule over two judges, by name or as they are."""
    return Agreed(a, b)


def is_disputed(verdict: Verdict) -> bool:
    """Whether two judges disagreed on it, which is not the same as having no verdict.

    >>> is_disputed(Verdict(None, "disputed: facts says 0.90, embedding says 0.10"))
    True
    """
    return verdict.supported is None and verdict.reason.startswith(DISPUTED)
