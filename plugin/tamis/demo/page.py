"""``report.html`` of the demo: one page that compares the pipelines under attack, in the laboratory's own style."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tamis.core.atomic import write_bytes
from tamis.eval.metrics.planted import PlantedRecall
from tamis.eval.report import Estimate
from tamis.eval.report.comparison import RunDifference
from tamis.eval.report.page.document import environment, markup, packaged, policy_hash
from tamis.eval.report.page.scale import Scale
from tamis.eval.report.page.svg import Curve, Point, curve
from tamis.eval.variant import CLEAN, Variant

from .attacked import FIGURES, PLANTED, Attacks
from .result import Pipeline

if TYPE_CHECKING:
    pass

CURVE = "distractors"
"""The attack that is drawn over its strength, from none on."""

_OVER = ("gold_recall [context]", "context_precision [context]", PLANTED)


@dataclass(frozen=True)
class Cell:
    """A pipeline's figure under a variant, and under the variant's control where there is one."""

    attacked: Estimate
    control: Estimate | None


@dataclass(frozen=True)
class Row:
    """A variant: every pipeline's cell, and the difference of the hardened one to its rival."""

    variant: Variant
    cells: tuple[Cell, ...]
    difference: RunDifference


@dataclass(frozen=True)
class Panel:
    """A figure under all variants in which it has a value, and over the strength of the distractors."""

    name: str
    label: str
    higher_is_better: bool | None
    rows: tuple[Row, ...]
    curves: tuple[tuple[Pipeline, Curve], ...]


@dataclass(frozen=True)
class Through:
    """How much of what is planted is left after each of the hardened pipeline's steps, by variant."""

    steps: tuple[str, ...]
    rows: tuple[tuple[Variant, tuple[Estimate, ...]], ...]


def write_page(path: Path, found: Attacks[Pipeline]) -> None:
    """Writes the page, whole or not at all. It links to the runs' own pages beside it, and to nothing else.

    Raises OSError where it cannot be written, MissingExtra without jinja2.
    """
    write_bytes(path, page(found).encode("utf-8"))


def page(found: Attacks[Pipeline]) -> str:
    """The page's text. The same numbers give the same text."""
    style = packaged("style.css")
    report = found.reports[found.hardened]
    text: str = (
        environment("tamis.demo")
        .get_template("report.html")
        .render(
            found=found,
            run=report.run,
            pipelines=list(found.reports),
            about=_about(found),
            panels=[_panel(found, figure) for figure in FIGURES],
            through=through(found),
            style=markup(style),
            style_hash=policy_hash(style),
        )
    )
    return text


def through(found: Attacks[Pipeline]) -> Through:
    """What each step of the hardened pipeline lets through of what was planted."""
    report = found.reports[found.hardened]
    figures = [name for name in report.figures if name.startswith(f"{PlantedRecall.name} [") and name != PLANTED]
    rows = [
        (variant, tuple(found.estimate(found.hardened, figure, variant) for figure in figures))
        for variant in found.variants
        if variant.attack and not variant.control
    ]
    steps = tuple(figure.removeprefix(f"{PlantedRecall.name} [").removesuffix("]") for figure in figures)
    return Through(steps, tuple(rows))


def _panel(found: Attacks[Pipeline], figure: str) -> Panel:
    controls = {(one.attack, one.strength): one for one in found.variants if one.control}
    rows = []
    for variant in found.variants:
        difference = found.difference(figure, variant)
        if variant.control or not difference.n:
            continue
        control = controls.get((variant.attack, variant.strength))
        cells = tuple(
            Cell(found.estimate(name, figure, variant), found.estimate(name, figure, control) if control else None)
            for name in found.reports
        )
        rows.append(Row(variant, cells, difference))
    about = found.reports[found.hardened].figures[figure]
    curves = _curves(found, figure) if figure in _OVER else ()
    return Panel(figure, FIGURES[figure], about.higher_is_better, tuple(rows), curves)


def _curves(found: Attacks[Pipeline], figure: str) -> tuple[tuple[Pipeline, Curve], ...]:
    """The figure over the number of distractors, a drawing for each pipeline, all on one axis."""
    strengths = [one for one in found.variants if one == CLEAN or (one.attack == CURVE and not one.control)]
    lines = {name: [_point(found.estimate(name, figure, one), one) for one in strengths] for name in found.reports}
    known = {name: [one for one in points if one is not None] for name, points in lines.items()}
    scale = Scale.around([end for points in known.values() for one in points for end in (one.low, one.mean, one.high)])
    return tuple(
        (name, curve(name, "distractors", points, [], None, scale)) for name, points in known.items() if points
    )


def _point(one: Estimate, variant: Variant) -> Point | None:
    return None if one.mean is None else Point(variant.strength, one.mean, one.low, one.high)


def _about(found: Attacks[Pipeline]) -> list[tuple[str, str, str]]:
    """Name, goal and source of each attack, once."""
    known = {one.attack: (one.attack, one.goal, one.source) for one in found.reports[found.hardened].variants}
    return [one for name, one in known.items() if name]
