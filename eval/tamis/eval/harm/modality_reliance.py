"""Which modality an answer rests on: importance of each query, reliance when one is removed, and permutation."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import NamedTuple

from tamis.core.content import Content
from tamis.core.errors import BadInput

from ..case import Case
from ..metrics.modality_importance import ModalityImportance, modality_importance
from ..stats.interval import Interval

Condition = tuple[str, ...]
BOTH: Condition = ("text", "image")
CONDITIONS: tuple[Condition, ...] = (BOTH, ("text",), ("image",), ())
"""Everything, text alone, image alone, and neither: the prior."""


class Reliance(NamedTuple):
    """The share of right answers under each condition, and what is lost without a modality; ``scored`` cases.

    ``without_text`` is everything less image alone, ``without_image`` everything less text alone, ``permuted_images``
    everything less the same with the images of other cases (None where it was not asked for): near 0 for a modality
    that is not used, and exactly 0 where nothing changed.
    """

    accuracy: dict[str, Interval]
    without_text: Interval
    without_image: Interval
    permuted_images: Interval | None
    scored: int


def modality_conditions(content: Content) -> dict[Condition, Content]:
    """A content of text and image under every condition. Raises BadInput where it has not both."""
    if not content.images or not content.text.strip():
        raise BadInput("reliance on a modality is measured on contents with text and image")
    return {BOTH: content, ("text",): Content(content.text), ("image",): Content(images=content.images), (): Content()}


def permuted_images(cases: Sequence[Case], seed: int) -> list[Case]:
    """The cases with each other's images: a random cyclic shift of a shuffled order, so that none keeps its own place.

    Raises BadInput for fewer than two.
    """
    if len(cases) < 2:
        raise BadInput(f"images are exchanged among at least two cases, not {len(cases)}")
    order = list(range(len(cases)))
    Random(f"{seed}:permuted-images").shuffle(order)
    given = {order[at]: order[(at + 1) % len(order)] for at in range(len(order))}
    return [
        replace(case, query=Content(case.query.text, cases[given[at]].query.images)) for at, case in enumerate(cases)
    ]


def importance_by_query(right: Mapping[str, Mapping[Condition, bool | None]]) -> dict[str, ModalityImportance]:
    """The modality importance score of each query (MIS, Park et al. 2024), from whether it was right by condition.

    Queries with a condition that is missing or not scored are left out.
    """
    wanted = (BOTH, ("text",), ("image",))
    found = {}
    for query, by_condition in right.items():
        marks = {condition: by_condition.get(condition) for condition in wanted}
        known: dict[Collection[str], bool] = {name: mark for name, mark in marks.items() if mark is not None}
        if len(known) == len(wanted):
            found[query] = modality_importance(known)
    return found


def reliance(
    cases: Sequence[Case],
    is_right: Callable[[Case], bool | None],
    *,
    seeds: Sequence[int] = (),
    confidence: float = 0.95,
) -> Reliance:
    """How much a pipeline's right answers rest on each modality of the query.

    ``is_right`` puts a case to the pipeline and says whether its answer is right, None where that cannot be said. It is
    asked four times for each case, and once more for each of ``seeds`` with the images permuted among the cases
    (after the contribution of MCR, 2024). A case that cannot be scored under some condition is left out of all. Raises
    BadInput for cases without text and image, and where nothing is scored.
    """
    from ..stats import paired_difference, rate_interval

    right: dict[Condition, list[bool | None]] = {condition: [] for condition in CONDITIONS}
    for case in cases:
        for condition, content in modality_conditions(case.query).items():
            right[condition].append(is_right(replace(case, query=content)))
    shuffled = [[is_right(case) for case in permuted_images(cases, seed)] for seed in seeds]
    columns = [*right.values(), *shuffled]
    kept = [at for at in range(len(cases)) if all(column[at] is not None for column in columns)]
    if not kept:
        raise BadInput("no case could be scored under every condition")
    clusters = [cases[at].cluster for at in kept]

    def values(condition: Condition) -> list[float]:
        return [float(bool(right[condition][at])) for at in kept]

    def lost(less: Sequence[float]) -> Interval:
        return paired_difference(values(BOTH), less, confidence=confidence, clusters=clusters)

    names = {condition: "+".join(condition) or "neither" for condition in CONDITIONS}
    accuracy = {
        names[condition]: rate_interval(round(sum(values(condition))), len(kept), confidence=confidence)
        for condition in CONDITIONS
    }
    permuted = None
    if shuffled:
        permuted = lost([sum(bool(column[at]) for column in shuffled) / len(shuffled) for at in kept])
    return Reliance(accuracy, lost(values(("image",))), lost(values(("text",))), permuted, len(kept))
