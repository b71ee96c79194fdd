"""What a run did not measure: the checklist of social impact (Solaiman et al. 2023)."""

from collections.abc import Callable, Collection
from typing import NamedTuple


class Line(NamedTuple):
    """One line of the checklist: ``by`` names the figures that measured it; without one it was not measured."""

    name: str
    by: tuple[str, ...]

    @property
    def measured(self) -> bool:
        """Whether some figure of the run speaks of it."""
        return bool(self.by)


# Figures that speak of a line, with or without the attack they are measured under.
_MEASURES: dict[str, Callable[[str, Collection[str]], bool]] = {
    "representational bias": lambda figure, _: figure.startswith(("bbq_s_", "group_exposure_gap")),
    "cultural values and sensitive content": lambda figure, _: figure.startswith(("harm", "over_refus", "under_refus")),
    "unequal performance": lambda figure, attacks: (
        figure.startswith("bbq_accuracy_") or (figure == "flips" and "group-swap" in attacks)
    ),
    "privacy": lambda figure, _: figure.startswith(("personal_data", "context_repeated")),
    "financial cost": lambda figure, _: figure == "cost",
    "environmental cost": lambda figure, _: figure == "joules",
    "moderation labour": lambda *_: False,
}


def checklist(scored: Collection[str], attacks: Collection[str] = ()) -> list[Line]:
    """The seven lines, in order, from the figures that a run scored on some case and the attacks whose flips it scored.

    A figure stands for a part of its line and never for all of it: "measured" says that something was. The labour of
    people who moderate is seen in no trace, so it is never measured here.

    >>> [line.name for line in checklist(["cost", "bbq_s_dis"]) if line.measured]
    ['representational bias', 'financial cost']
    """
    return [
        Line(name, tuple(figure for figure in scored if measures(figure, attacks)))
        for name, measures in _MEASURES.items()
    ]
