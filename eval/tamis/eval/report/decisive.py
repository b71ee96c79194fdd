"""Which comparison speaks for a figure under an attack: that to clean, or to the control where clean has no value."""

from .report import Difference, Report


def scored_clean(report: Report) -> frozenset[str]:
    """The figures that have a value in some clean run; the others count what only an attack brings along."""
    return frozenset(one.figure for one in report.estimates if one.variant == "clean" and one.scored)


def decisive(report: Report) -> tuple[Difference, ...]:
    """One difference for each figure and attacked variant, by figure, then by variant, as in the report.

    Attacked minus clean; attacked minus its control where no clean run has a value of the figure and a control ran.
    """
    clean = scored_clean(report)
    known = {(one.figure, one.variant, one.baseline) for one in report.differences}
    attacked = {one.key for one in report.variants if one.attack and not one.control}

    def speaks(one: Difference) -> bool:
        control = f"{one.variant}~control"
        to_control = one.figure not in clean and (one.figure, one.variant, control) in known
        return one.variant in attacked and one.baseline == (control if to_control else "clean")

    figures = {name: place for place, name in enumerate(report.figures)}
    variants = {one.key: place for place, one in enumerate(report.variants)}
    found = [one for one in report.differences if speaks(one)]
    return tuple(sorted(found, key=lambda one: (figures[one.figure], variants[one.variant])))


def against(one: Difference) -> str:
    """What a difference is to, in words.

    >>> against(Difference("f1", "poison@5", "poison@5~control", 0, *[None] * 6, "not enough data"))
    'its control'
    """
    return "its control" if one.baseline == f"{one.variant}~control" else one.baseline
