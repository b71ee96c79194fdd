"""The protocols of HaluEval and BEGIN: a judge of hallucination against labelled responses."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from tamis.core.content import Content
from tamis.models.judge import Judge, Verdict

from ..case import Case
from .checkers import verdicts
from .detection import Detection, area_under_roc, detected, per_group
from .grounding import standing_of


@dataclass(frozen=True)
class Judged:
    """A judge's verdicts on labelled claims. The positive class is the hallucinated one, everywhere.

    ``supported`` are the labels, ``verdicts`` the judge's, ``groups`` the kind of each claim, ``pairs`` the places of a
    right claim and of its made-up twin.
    """

    supported: Sequence[bool]
    verdicts: Sequence[Verdict]
    groups: Sequence[Hashable]
    pairs: Sequence[tuple[int, int]] = ()
    threshold: float = 0.5

    @property
    def detection(self) -> Detection:
        """Counts over all claims; a claim without a verdict is unscored."""
        return detected([not one for one in self.supported], self._hallucinated)

    @property
    def by_group(self) -> dict[Hashable, Detection]:
        """The same for each kind of claim."""
        return per_group([not one for one in self.supported], self._hallucinated, self.groups)

    @property
    def auroc(self) -> float | None:
        """AUROC of P(not supported); None without both classes."""
        scores = [None if one.supported is None else 1 - one.supported for one in self.verdicts]
        return area_under_roc([not one for one in self.supported], scores)

    @property
    def coverage(self) -> float | None:
        """The share of claims with a verdict."""
        return self.detection.n / len(self.supported) if self.supported else None

    @property
    def preferred(self) -> float | None:
        """How often the right one of two twins has the higher probability, equal ones for half; None without twins."""
        wins, known = 0.0, 0
        for right, made_up in self.pairs:
            one, other = self.verdicts[right].supported, self.verdicts[made_up].supported
            if one is not None and other is not None:
                known += 1
                wins += 0.5 if one == other else float(one > other)
        return wins / known if known else None

    @property
    def _hallucinated(self) -> list[bool | None]:
        return [None if one.supported is None else one.supported < self.threshold for one in self.verdicts]


def judged(cases: Iterable[Case], judge: Judge, *, with_question: bool = False) -> Judged:
    """A judge over the labelled claims of ``load(..., "halueval")`` or ``load(..., "begin")``.

    The claim is the case's query, the evidence its documents, the label ``extra["supported"]``. Cases without a label
    (BEGIN's generic responses) and without a document (HaluEval's general ones, which have no knowledge to be checked
    against) are left out. ``with_question`` puts the question before the claim, as HaluEval asks. HaluEval's qa pairs
    are twins: their made-up answers are longer in 93.6% of them, so read ``length_baseline`` beside.
    """
    taken = [one for one in cases if isinstance(one.extra.get("supported"), bool) and one.documents]
    claims = [
        f"{one.extra['question']} {one.query.text}" if with_question and one.extra.get("question") else one.query.text
        for one in taken
    ]
    evidence = [[document.content for document in one.documents] for one in taken]
    return Judged(
        [one.extra["supported"] for one in taken],
        verdicts(judge, claims, evidence),
        [one.tags[0] if one.tags else "" for one in taken],
        _twins(taken),
    )


def both_judged(one: Judged, other: Judged) -> Judged:
    """What two judges of the same claims agree on: where they differ there is no verdict (SENTINEL)."""
    joined = [
        Verdict((a.supported + b.supported) / 2)
        if standing_of(a, b) in ("supported", "unsupported") and a.supported is not None and b.supported is not None
        else Verdict(None, standing_of(a, b))
        for a, b in zip(one.verdicts, other.verdicts, strict=True)
    ]
    return Judged(one.supported, joined, one.groups, one.pairs, one.threshold)


@dataclass(frozen=True)
class LengthBaseline:
    """Knows nothing but length: the longer a claim, the less it is believed. What a real judge must beat."""

    name: str = "length"

    def judge(self, claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> list[Verdict]:
        """P = 1 / (1 + words / 5), which falls below one half from six words on."""
        return [Verdict(1 / (1 + len(claim.split()) / 5), "by length alone") for claim in claims]


def _twins(cases: Sequence[Case]) -> list[tuple[int, int]]:
    """Places of the right and the made-up claim of each group that has one of each."""
    places: dict[str, dict[bool, list[int]]] = {}
    for place, case in enumerate(cases):
        if case.group is not None:
            places.setdefault(case.group, {}).setdefault(case.extra["supported"], []).append(place)
    return [
        (kinds[True][0], kinds[False][0])
        for kinds in places.values()
        if len(kinds.get(True, ())) == 1 and len(kinds.get(False, ())) == 1
    ]
