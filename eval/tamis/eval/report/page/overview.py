"""What the page says of all cases together: who won, by how much, and what could not be judged."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..report import Difference, Estimate, FigureInfo, Report, VariantInfo
from .scale import Scale
from .svg import Bar, Curve, Point, Tick, bar, curve, strip_ticks

MOST_HEADLINES = 6
_MOST_REASONS = 40


@dataclass(frozen=True)
class Side:
    """One comparison: in a word (``said``), and its place on the figure's axis."""

    difference: Difference
    word: str
    bar: Bar


@dataclass(frozen=True)
class Row:
    """A variant in a forest plot: against clean, its control against clean, and against its control."""

    variant: VariantInfo
    attacked: Side | None
    control: Side | None
    apart: Side | None


@dataclass(frozen=True)
class Panel:
    """All that is known of one figure."""

    number: int
    name: str
    info: FigureInfo
    is_headline: bool
    tally: tuple[tuple[str, int], ...]
    ticks: tuple[Tick, ...]
    rows: tuple[Row, ...]
    curves: tuple[Curve, ...]
    estimates: tuple[Estimate, ...]


@dataclass(frozen=True)
class Cell:
    """A figure under an attack at its strongest: against clean, and against the attack's control."""

    clean: Side | None
    control: Side | None


@dataclass(frozen=True)
class AttackRow:
    """An attack in the first table: its strongest variant, all its strengths, a cell for each headline figure."""

    name: str
    strongest: VariantInfo
    strengths: tuple[VariantInfo, ...]
    cells: tuple[Cell, ...]
    tally: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Reason:
    """Why something was not scored, how often, and where: figures and variants."""

    text: str
    times: int
    figures: int
    variants: int


@dataclass(frozen=True)
class Overview:
    """Everything above the cases."""

    headlines: tuple[str, ...]
    clean: tuple[Estimate | None, ...]
    attacks: tuple[AttackRow, ...]
    panels: tuple[Panel, ...]
    reasons: tuple[Reason, ...]
    reasons_left_out: int
    gates: tuple[tuple[str, int], ...]
    state: str


VERDICTS = ("worse", "better", "higher", "lower", "indistinguishable", "not enough data")
GATES = ("fail", "not enough data", "pass")


def names_figure(gate: str, figure: str) -> bool:
    """Whether a gate's text speaks of a figure.

    >>> names_figure("nDCG@10 [context].poison > 0.5 at 95%", "nDCG@10")
    False
    """
    return re.search(rf"(?<![\w@-]){re.escape(figure)}(?![\w@-]| \[)", gate) is not None


def said(one: Difference, info: FigureInfo, confidence: float) -> str:
    """A difference's verdict; "higher" or "lower" where the figure has no direction, and the data do show a change."""
    if one.verdict != "indistinguishable" or info.higher_is_better is not None or one.low is None or one.high is None:
        return one.verdict
    if one.low <= 0 <= one.high or (one.p_holm is not None and one.p_holm > 1 - confidence + 1e-12):
        return one.verdict
    return "higher" if one.low > 0 else "lower"


def headlines(report: Report, most: int = MOST_HEADLINES) -> tuple[str, ...]:
    """The figures that are shown first: those of the gates, then those of the answer, then those of the context."""
    compared = {one.figure for one in report.differences}
    rest = [name for name in report.figures if not compared or name in compared]
    gated = [name for name in report.figures if any(names_figure(gate.gate, name) for gate in report.gates)]
    answers = [name for name in rest if not name.endswith("]")]
    context = [name for name in rest if name.endswith(" [context]")]
    return tuple(dict.fromkeys([*gated, *answers, *context, *rest]))[:most]


def overview(report: Report) -> Overview:
    """The report, in the order in which it is read."""
    first = headlines(report)
    scales = _scales(report.differences)
    sides = {
        (one.figure, one.variant, one.baseline): Side(
            one,
            said(one, report.figures[one.figure], report.run.confidence),
            bar(scales[one.figure], one.mean, one.low, one.high),
        )
        for one in report.differences
    }
    estimates = {(one.figure, one.variant): one for one in report.estimates}
    reasons = _reasons(report.estimates)
    return Overview(
        headlines=first,
        clean=tuple(estimates.get((name, "clean")) for name in first),
        attacks=tuple(_attacks(report, first, sides)),
        panels=tuple(_panels(report, first, sides, scales, estimates)),
        reasons=tuple(reasons[:_MOST_REASONS]),
        reasons_left_out=max(0, len(reasons) - _MOST_REASONS),
        gates=_tally(("fail", "pass", "not enough data"), [gate.verdict for gate in report.gates]),
        state=_state(report),
    )


def _state(report: Report) -> str:
    """What the page opens with: "unfinished", "fail", "not enough data", "pass" or "no gates"."""
    found = {gate.verdict for gate in report.gates}
    if not report.counts.is_finished:
        return "unfinished"
    return next((verdict for verdict in GATES if verdict in found), "no gates")


def _tally(order: Sequence[str], found: Sequence[str]) -> tuple[tuple[str, int], ...]:
    counted = Counter(found)
    return tuple((name, counted[name]) for name in order if counted[name])


def _control_key(variant: VariantInfo) -> str:
    return f"{variant.key}~control"


Sides = Mapping[tuple[str, str, str], Side]
Estimates = Mapping[tuple[str, str], Estimate]


def _scales(differences: Sequence[Difference]) -> dict[str, Scale]:
    """Each figure's axis, which holds zero and every difference to clean."""
    ends: dict[str, list[float | None]] = {}
    for one in differences:
        known = ends.setdefault(one.figure, [0.0])
        if one.baseline == "clean":
            known += [one.low, one.mean, one.high]
    return {figure: Scale.around(known) for figure, known in ends.items()}


def _attacks(report: Report, first: Sequence[str], sides: Sides) -> list[AttackRow]:
    strengths: dict[str, list[VariantInfo]] = {}
    for variant in report.variants:
        if variant.attack and not variant.control:
            strengths.setdefault(variant.attack, []).append(variant)
    rows = []
    for name, variants in strengths.items():
        last = variants[-1]  # attacks give their strengths weakest first
        cells = tuple(
            Cell(sides.get((figure, last.key, "clean")), sides.get((figure, last.key, _control_key(last))))
            for figure in first
        )
        words = [cell.clean.word for cell in cells if cell.clean is not None]
        rows.append(AttackRow(name, last, tuple(variants), cells, _tally(VERDICTS, words)))
    return rows


def _panels(
    report: Report, first: Sequence[str], sides: Sides, scales: Mapping[str, Scale], estimates: Estimates
) -> list[Panel]:
    order = [*first, *(name for name in report.figures if name not in first)]
    panels = []
    for place, name in enumerate(order, start=1):
        rows = _forest(report.variants, name, sides)
        panels.append(
            Panel(
                number=place,
                name=name,
                info=report.figures[name],
                is_headline=name in first,
                tally=_tally(VERDICTS, [row.attacked.word for row in rows if row.attacked is not None]),
                ticks=tuple(strip_ticks(scales[name])) if name in scales else (),
                rows=tuple(rows),
                curves=tuple(_curves(report.variants, name, estimates)),
                estimates=tuple(
                    estimates[name, variant.key] for variant in report.variants if (name, variant.key) in estimates
                ),
            )
        )
    return panels


def _forest(variants: Sequence[VariantInfo], figure: str, sides: Sides) -> list[Row]:
    rows = [
        Row(
            variant,
            sides.get((figure, variant.key, "clean")),
            sides.get((figure, _control_key(variant), "clean")),
            sides.get((figure, variant.key, _control_key(variant))),
        )
        for variant in variants
        if variant.attack and not variant.control
    ]
    return [row for row in rows if row.attacked or row.control or row.apart]


def _curves(variants: Sequence[VariantInfo], figure: str, estimates: Estimates) -> list[Curve]:
    """A curve for each attack that was run at several strengths."""

    def point(variant: VariantInfo | None, key: str) -> Point | None:
        one = estimates.get((figure, key))
        if one is None or one.mean is None:
            return None
        return Point(0.0 if variant is None else variant.strength, one.mean, one.low, one.high)

    sides: dict[str, tuple[list[Point], list[Point]]] = {}
    units: dict[str, str] = {}
    for variant in variants:
        if variant.attack and (found := point(variant, variant.key)) is not None:
            sides.setdefault(variant.attack, ([], []))[variant.control].append(found)
            units[variant.attack] = variant.unit
    clean = point(None, "clean")
    drawn = {name: both for name, both in sides.items() if len({one.strength for one in both[0]}) > 1}
    known = [one for both in drawn.values() for side in both for one in side] + ([] if clean is None else [clean])
    scale = Scale.around([value for one in known for value in (one.low, one.mean, one.high)])
    return [curve(name, units[name], both[0], both[1], clean, scale) for name, both in drawn.items()]


def _reasons(estimates: Sequence[Estimate]) -> list[Reason]:
    times: Counter[str] = Counter()
    figures: dict[str, set[str]] = {}
    variants: dict[str, set[str]] = {}
    for one in estimates:
        for text, often in one.reasons.items():
            times[text] += often
            figures.setdefault(text, set()).add(one.figure)
            variants.setdefault(text, set()).add(one.variant)
    order = sorted(times, key=lambda text: (-times[text], text))
    return [Reason(text, times[text], len(figures[text]), len(variants[text])) for text in order]
