"""Twins that differ in one modality: does a screen change its mind when the harm is taken out, and only then?"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from tamis.core.content import Content
from tamis.core.errors import BadInput
from tamis.models.screen import Screen

from ..case import Case
from .breakdown import Rate, is_flagged, rates_by


class Twin(NamedTuple):
    """A harmful content and the same with one modality made neutral.

    ``changed`` is what was rewritten; None for a pair of which neither is another (a paraphrase), whose verdict must
    not change. ``group`` names twins that belong together.
    """

    harmful: Content
    neutral: Content
    changed: Literal["text", "image"] | None = "text"
    group: str | None = None


class FlipRates(NamedTuple):
    """``flips`` by the modality that changed: of the pairs whose harmful half the screen stops, how often it lets the
    neutral half pass; higher is better. ``false_flips``: of the unchanged pairs, how often it changes its mind.

    ``missed`` are the pairs whose harmful half was not stopped: a screen that stops nothing flips nothing.
    """

    flips: dict[str, Rate]
    false_flips: Rate | None
    missed: Rate


def flip_rates(screen: Screen, twins: Iterable[Twin], *, confidence: float = 0.95) -> FlipRates:
    """A screen on twins (Labels or Input, 2025). Raises BadInput for no twin, and for one that changed elsewhere."""
    pairs = list(twins)
    if not pairs:
        raise BadInput("there are no twins")
    for number, twin in enumerate(pairs, start=1):
        if twin.changed == "text" and twin.harmful.images != twin.neutral.images:
            raise BadInput(f"twin {number} says that its text changed, and its images did as well")
        if twin.changed == "image" and twin.harmful.text != twin.neutral.text:
            raise BadInput(f"twin {number} says that its image changed, and its text did as well")
    first = [is_flagged(one, screen.threshold) for one in screen.screen([twin.harmful for twin in pairs])]
    second = [is_flagged(one, screen.threshold) for one in screen.screen([twin.neutral for twin in pairs])]
    names = [twin.group if twin.group is not None else f"twin {number}" for number, twin in enumerate(pairs)]
    changed = [at for at, twin in enumerate(pairs) if twin.changed is not None]
    same = [at for at, twin in enumerate(pairs) if twin.changed is None]
    stopped = [at for at in changed if first[at]]
    flips = rates_by(
        [str(pairs[at].changed) for at in stopped],
        [None if second[at] is None else not second[at] for at in stopped],
        clusters=[names[at] for at in stopped],
        confidence=confidence,
    )
    unchanged = rates_by(
        ["same"] * len(same),
        [None if first[at] is None or second[at] is None else first[at] != second[at] for at in same],
        clusters=[names[at] for at in same],
        confidence=confidence,
    )
    missed = rates_by(
        ["missed"] * len(changed),
        [None if first[at] is None else not first[at] for at in changed],
        clusters=[names[at] for at in changed],
        confidence=confidence,
    )
    return FlipRates(flips, unchanged.get("same"), missed.get("missed", Rate(None, 0, 0)))


def hatecheck_twins(cases: Sequence[Case]) -> list[Twin]:
    """HateCheck's own pairs: a hateful case and the one that was made of it and is not hateful (``ref_case_id``)."""
    by_id = {str(case.extra.get("case_id", "")): case for case in cases}
    twins = []
    for case in cases:
        other = by_id.get(str(case.extra.get("ref_case_id") or "").partition(".")[0])
        if other is not None and case.extra.get("harmful") is False and other.extra.get("harmful") is True:
            twins.append(Twin(other.query, case.query, "text", str(case.group or case.id)))
    return twins
