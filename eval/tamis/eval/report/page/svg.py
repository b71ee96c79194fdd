"""The geometry of the drawings: numbers in, places out. The templates draw them, and so escape every word."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from .numbers import number, short
from .scale import Scale


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its place ("12.5%" or in the drawing's units) and its label."""

    at: str
    label: str
    anchor: str = "middle"
    is_zero: bool = False


@dataclass(frozen=True)
class Bar:
    """An interval on a strip: places of its ends and its middle, in percent of the width; None: nothing is known."""

    low: str | None
    high: str | None
    middle: str | None


def bar(scale: Scale, mean: float | None, low: float | None, high: float | None) -> Bar:
    """Where a difference stands on its figure's axis.

    >>> bar(Scale(-1.0, 1.0), 0.0, -0.5, 0.5)
    Bar(low='25%', high='75%', middle='50%')
    """
    return Bar(
        None if low is None else scale.percent(low),
        None if high is None else scale.percent(high),
        None if mean is None else scale.percent(mean),
    )


def strip_ticks(scale: Scale) -> list[Tick]:
    """The ticks of a strip's axis; labels at the edges are anchored inwards."""
    made = []
    for place in scale.ticks():
        share = scale.share(place)
        anchor = "start" if share < 0.06 else "end" if share > 0.94 else "middle"
        made.append(Tick(scale.percent(place), short(place), anchor, abs(place) < 1e-12))
    return made


WIDTH, HEIGHT = 300.0, 190.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 12.0, 12.0, 34.0


@dataclass(frozen=True)
class Spot:
    """One estimate in the drawing: places of its middle and of the ends of its interval, and what it says."""

    x: float
    y: float
    low: float
    high: float
    says: str


@dataclass(frozen=True)
class Line:
    """Estimates joined by a line: ``path`` is an SVG path."""

    spots: tuple[Spot, ...]
    path: str


@dataclass(frozen=True)
class Curve:
    """A figure over an attack's strength: attacked, its control, and the clean level (its place, low, high)."""

    attack: str
    unit: str
    attacked: Line
    control: Line
    clean: tuple[float, float, float] | None
    xs: tuple[Tick, ...]
    ys: tuple[Tick, ...]
    is_even: bool
    describes: str


@dataclass(frozen=True)
class Point:
    """An estimate at a strength."""

    strength: float
    mean: float
    low: float | None
    high: float | None


def curve(
    attack: str, unit: str, attacked: Sequence[Point], control: Sequence[Point], clean: Point | None, ys: Scale
) -> Curve:
    """The drawing of one attack's curve; strengths stand to scale, or evenly where to scale they would touch.

    ``ys`` is the axis of the figure, the same for all its attacks. There is at least one attacked point.
    """
    strengths = sorted({point.strength for point in (*attacked, *control)})
    places = _places(strengths)
    inside = WIDTH - LEFT - RIGHT

    def line(points: Sequence[Point], kind: str) -> Line:
        spots = tuple(
            Spot(
                round(LEFT + inside * places[one.strength], 1),
                _y(ys, one.mean),
                _y(ys, one.mean if one.low is None else one.low),
                _y(ys, one.mean if one.high is None else one.high),
                f"{kind} at {short(one.strength)}: {number(one.mean)}",
            )
            for one in sorted(points, key=lambda point: point.strength)
        )
        return Line(spots, " ".join(f"{'M' if n == 0 else 'L'}{spot.x} {spot.y}" for n, spot in enumerate(spots)))

    level = None
    if clean is not None:
        level = (
            _y(ys, clean.mean),
            _y(ys, clean.mean if clean.low is None else clean.low),
            _y(ys, clean.mean if clean.high is None else clean.high),
        )
    sides = [line(attacked, "attacked"), line(control, "control")]
    words = [spot.says for side in sides for spot in side.spots]
    return Curve(
        attack=attack,
        unit=unit,
        attacked=sides[0],
        control=sides[1],
        clean=level,
        xs=tuple(Tick(f"{LEFT + inside * places[one]:.1f}", short(one)) for one in strengths),
        ys=tuple(Tick(f"{_y(ys, one)}", short(one)) for one in ys.ticks()),
        is_even=not _is_to_scale(strengths),
        describes="; ".join(([] if clean is None else [f"clean: {number(clean.mean)}"]) + words),
    )


def _y(scale: Scale, value: float) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * scale.share(value), 1)


def _is_to_scale(strengths: Sequence[float]) -> bool:
    gaps = [after - before for before, after in pairwise(strengths)]
    return not gaps or min(gaps) >= 0.09 * (strengths[-1] - strengths[0])


def _places(strengths: Sequence[float]) -> dict[float, float]:
    """Each strength's place along the axis, in [0, 1], clear of its ends."""
    if len(strengths) == 1:
        return {strengths[0]: 0.5}
    if _is_to_scale(strengths):
        spread = strengths[-1] - strengths[0]
        return {one: 0.06 + 0.88 * (one - strengths[0]) / spread for one in strengths}
    return {one: 0.06 + 0.88 * place / (len(strengths) - 1) for place, one in enumerate(strengths)}
