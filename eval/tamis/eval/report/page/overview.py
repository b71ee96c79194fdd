"""What the page says of all cases together: who won, by how much, and what could not be judged."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..applicable import Unapplied, unapplied
from ..decisive import decisive, scored_clean
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
    """A variant in a forest plot: against clean, its control against clean, and against its control.

    ``means`` are what the attacked and the control come to themselves.
    """

    variant: VariantInfo
    attacked: Side | None
    control: Side | None
    apart: Side | None
    means: tuple[Estimate | None, Estimate | None]

    @property
    def is_empty(self) -> bool:
        """Whether no case was scored on both sides of any of its comparisons."""
        return not any(side is not None and side.difference.n for side in (self.attacked, self.control, self.apart))


@dataclass(frozen=True)
class Silent:
    """Variants of which a figure says nothing, and mostly why."""

    variants: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Panel:
    """All that is known of one figure. ``to_control``: it has no clean value, so attacks stand to their controls."""

    number: int
    name: str
    info: FigureInfo
    is_headline: bool
    to_control: bool
    tally: tuple[tuple[str, int], ...]
    ticks: tuple[Tick, ...]
    rows: tuple[Row, ...]
    silent: tuple[Silent, ...]
    curves: tuple[Curve, ...]
    estimates: tuple[Estimate, ...]


@dataclass(frozen=True)
class Cell:
    """A figure under an attack at its strongest: the comparison that counts, and the one to the control beside it.

    ``why`` says what kept it from being scored, where it was not.
    """

    main: Side | None
    control: Side | None
    to_control: bool
    why: str


@dataclass(frozen=True)
class AttackRow:
    """An attack in the first table: its strongest variant, all its strengths, a cell for each headline figure.

    ``nowhere``: why it could not be made on any case; "" where it could.
    """

    name: str
    strongest: VariantInfo
    strengths: tuple[VariantInfo, ...]
    cells: tuple[Cell, ...]
    nowhere: str


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
    unapplied: tuple[Unapplied, ...]


NOT_SCORED = "not scored"
VERDICTS = ("worse", "better", "higher", "lower", "indistinguishable", "not enough data", NOT_SCORED)
GATES = ("fail", "not enough data", "pass")


def names_figure(gate: str, figure: str) -> bool:
    """Whether a gate's text speaks of a figure.

    >>> names_figure("nDCG@10 [context].poison > 0.5 at 95%", "nDCG@10")
    False
    """
    return re.search(rf"(?<![\w@-]){re.escape(figure)}(?![\w@-]| \[)", gate) is not None


def said(one: Difference, info: FigureInfo, confidence: float) -> str:
    """A difference's verdict; "higher" or "lower" where the figure has no direction, and the data do show a change.

    "not scored" where there is no case with a value on both sides.
    """
    if not one.n:
        return NOT_SCORED
    if one.verdict != "indistinguishable" or info.higher_is_better is not None or one.mean is None:
        return one.verdict
    # Without ends every case differs by the same, in a figure without bounds: the test alone speaks.
    is_open = one.p_holm is None if one.low is None or one.high is None else one.low <= 0 <= one.high
    if is_open or (one.p_holm is not None and one.p_holm > 1 - confidence + 1e-12):
        return one.verdict
    return "higher" if one.mean > 0 else "lower"


def headlines(report: Report, most: int = MOST_HEADLINES) -> tuple[str, ...]:
    """The figures that are shown first: those of the gates, then those of the answer, then those of the context.

    A figure with numbers comes before one without, one with a direction before one without; a third of the places is
    the context's, so that an attack on retrieval is seen too.
    """
    compared = {one.figure for one in decisive(report) if one.n}
    known = compared or {one.figure for one in report.estimates if one.scored}

    def kind(name: str) -> int:
        if not name.endswith("]"):
            return 0 if report.figures[name].higher_is_better is not None else 2
        if name.endswith(" [context]"):
            return 1 if report.figures[name].higher_is_better is not None else 3
        return 4

    order = sorted(report.figures, key=lambda name: (name not in known, kind(name)))
    gated = [name for name in order if name in known and any(names_figure(gate.gate, name) for gate in report.gates)]
    rest = [name for name in order if name in known and name not in gated]
    context = [name for name in rest if kind(name) == 1][: most // 3]
    answers = [name for name in rest if kind(name) == 0][: max(0, most - len(gated) - len(context))]
    return tuple(dict.fromkeys([*gated, *answers, *context, *order]))[:most]


def overview(report: Report) -> Overview:
    """The report, in the order in which it is read."""
    first = headlines(report)
    clean = scored_clean(report)
    scales = _scales(report.differences, clean)
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
        attacks=tuple(_attacks(report, first, sides, estimates, clean)),
        panels=tuple(_panels(report, first, sides, scales, estimates, clean)),
        reasons=tuple(reasons[:_MOST_REASONS]),
        reasons_left_out=max(0, len(reasons) - _MOST_REASONS),
        gates=_tally(("fail", "pass", "not enough data"), [gate.verdict for gate in report.gates]),
        state=_state(report),
        unapplied=tuple(unapplied(report)),
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


def _scales(differences: Sequence[Difference], clean: frozenset[str]) -> dict[str, Scale]:
    """Each figure's axis, which holds zero and every difference that is drawn: to clean, or else to the control."""
    ends: dict[str, list[float | None]] = {}
    for one in differences:
        known = ends.setdefault(one.figure, [0.0])
        if (one.baseline == "clean") == (one.figure in clean):
            known += [one.low, one.mean, one.high]
    return {figure: Scale.around(known) for figure, known in ends.items()}


def _attacks(
    report: Report, first: Sequence[str], sides: Sides, estimates: Estimates, clean: frozenset[str]
) -> list[AttackRow]:
    nowhere = {one.attack: one.reason for one in unapplied(report) if one.is_everywhere}
    strengths: dict[str, list[VariantInfo]] = {}
    for variant in report.variants:
        if variant.attack and not variant.control:
            strengths.setdefault(variant.attack, []).append(variant)
    rows = []
    for name, variants in strengths.items():
        last = variants[-1]  # attacks give their strengths weakest first
        cells = tuple(_cell(figure, last, sides, estimates, figure in clean) for figure in first)
        rows.append(AttackRow(name, last, tuple(variants), cells, nowhere.get(name, "")))
    return rows


def _cell(figure: str, variant: VariantInfo, sides: Sides, estimates: Estimates, has_clean: bool) -> Cell:
    to_clean = sides.get((figure, variant.key, "clean"))
    to_control = sides.get((figure, variant.key, _control_key(variant)))
    is_apart = not has_clean and to_control is not None
    why = _why(estimates.get((figure, variant.key)))
    return Cell(to_control if is_apart else to_clean, None if is_apart else to_control, is_apart, why)


def _why(one: Estimate | None) -> str:
    """Mostly why nothing was scored; "" where something was."""
    return "" if one is None or one.scored or not one.reasons else next(iter(one.reasons))


def _panels(
    report: Report,
    first: Sequence[str],
    sides: Sides,
    scales: Mapping[str, Scale],
    estimates: Estimates,
    clean: frozenset[str],
) -> list[Panel]:
    order = [*first, *(name for name in report.figures if name not in first)]
    panels = []
    for place, name in enumerate(order, start=1):
        rows = _forest(report.variants, name, sides, estimates)
        # What could be made on no case is said once, with the attacks.
        empty = [row.variant.key for row in rows if row.is_empty and row.variant.is_applicable]
        rows = [row for row in rows if not row.is_empty]
        to_control = name not in clean and any(row.apart is not None for row in rows)
        main = [row.apart if to_control else row.attacked for row in rows]
        tally = _tally(VERDICTS, [side.word for side in main if side is not None] + [NOT_SCORED] * len(empty))
        panels.append(
            Panel(
                number=place,
                name=name,
                info=report.figures[name],
                is_headline=name in first,
                to_control=to_control,
                tally=tally,
                ticks=tuple(strip_ticks(scales[name])) if name in scales else (),
                rows=tuple(rows),
                silent=_silent(name, empty, estimates),
                curves=tuple(_curves(report.variants, name, estimates)),
                estimates=tuple(
                    estimates[name, variant.key] for variant in report.variants if (name, variant.key) in estimates
                ),
            )
        )
    return panels


def _silent(figure: str, variants: Sequence[str], estimates: Estimates) -> tuple[Silent, ...]:
    reasons: dict[str, list[str]] = {}
    for key in variants:
        reasons.setdefault(_why(estimates.get((figure, key))), []).append(key)
    return tuple(Silent(tuple(keys), reason) for reason, keys in reasons.items())


def _forest(variants: Sequence[VariantInfo], figure: str, sides: Sides, estimates: Estimates) -> list[Row]:
    rows = [
        Row(
            variant,
            sides.get((figure, variant.key, "clean")),
            sides.get((figure, _control_key(variant), "clean")),
            sides.get((figure, variant.key, _control_key(variant))),
            (estimates.get((figure, variant.key)), estimates.get((figure, _control_key(variant)))),
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
