"""Axes, strips and curves: every number stands where it belongs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.eval.report.page.scale import Scale
from tamis.eval.report.page.svg import HEIGHT, WIDTH, Point, bar, curve, strip_ticks

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False)


@given(st.lists(NUMBERS | st.none(), max_size=8), st.integers(2, 8))
def test_ticks_are_few_round_and_on_the_axis(values: list[float | None], most: int) -> None:
    scale = Scale.around(values)
    ticks = scale.ticks(most)
    room = 1e-9 * max(abs(scale.low), abs(scale.high))
    assert len(ticks) <= most
    assert ticks == sorted(set(ticks))
    assert all(scale.low - room <= tick <= scale.high + room for tick in ticks)


@given(st.lists(NUMBERS, min_size=2, max_size=8))
def test_places_keep_the_order_of_numbers(values: list[float]) -> None:
    scale = Scale.around(values)
    places = [scale.share(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(0 < place < 1 for place in places), "none is at the edge: it would look cut off"


def test_one_value_and_none_have_an_axis() -> None:
    assert Scale.around([]).low < Scale.around([]).high
    assert Scale.around([None, 0.3]).share(0.3) == pytest.approx(0.5)
    assert Scale.around([None, 0.3]).ticks() == [0.3]


def test_what_is_not_known_is_not_drawn() -> None:
    made = bar(Scale(-1.0, 1.0), None, None, None)
    assert (made.low, made.middle, made.high) == (None, None, None)


def test_the_tick_at_zero_is_marked() -> None:
    assert [tick.label for tick in strip_ticks(Scale(-0.33, 0.12)) if tick.is_zero] == ["0"]


def test_a_curve_keeps_its_points_inside_and_better_is_up() -> None:
    attacked = [Point(5, 0.4, 0.3, 0.5), Point(1, 0.7, 0.65, 0.75), Point(3, 0.5, None, None)]
    made = curve("poison", "passages", attacked, [Point(1, 0.8, 0.7, 0.9)], Point(0, 0.8, 0.75, 0.85), Scale(0.2, 1.0))
    spots = made.attacked.spots
    assert [spot.x for spot in spots] == sorted(spot.x for spot in spots)
    assert [spot.y for spot in spots] == sorted(spot.y for spot in spots), "the figure falls, so the line goes down"
    assert all(0 < spot.x < WIDTH and 0 < spot.high <= spot.y <= spot.low < HEIGHT for spot in spots)
    assert made.clean is not None
    assert made.clean[0] == made.control.spots[0].y
    assert "clean: 0.800; attacked at 1: 0.700" in made.describes
    assert not made.is_even


def test_strengths_that_would_touch_stand_evenly_and_say_so() -> None:
    points = [Point(strength, 0.5, None, None) for strength in (1, 2, 100)]
    made = curve("distractors", "", points, [], None, Scale(0.0, 1.0))
    first, second, third = (spot.x for spot in made.attacked.spots)
    assert second - first == pytest.approx(third - second, abs=0.11)
    assert made.is_even
