"""SS3's word values, worked out by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.errors import BadSetting
from tamis.models.screens.values import Smoothing, class_values, global_values, local_value, sanctions, significances


def test_two_classes_by_hand() -> None:
    # lv: (2/8)^.5 = .5 and (8/32)^.5 = .5 for equal words; (8/8)^.5 = 1 against (2/32)^.5 = .25 for a telling one.
    how = Smoothing(sigma=0.5, significance=0.5, sanction=1.0)
    assert local_value(2, 8, 0.5) == 0.5
    assert global_values([2, 8], [8, 32], how) == pytest.approx([0.5 * _sg(0, 0.5) * _sn(_sg(0, 0.5))] * 2)
    high = _sg(1 - 0.25, 0.25)
    low = _sg(0, 0.25)
    assert global_values([8, 2], [8, 32], how) == pytest.approx([high * _sn(low), 0.25 * low * _sn(high)])


def _sg(gap: float, deviation: float) -> float:
    return 0.5 * math.tanh(3 * gap / (0.5 * deviation) - 3) + 0.5


def _sn(other: float) -> float:
    return (2 - (other + 1)) / (other + 1)


def test_three_classes_by_hand() -> None:
    # Median .2, mean absolute deviation (.6 + 0 + .1) / 3.
    found = significances([0.8, 0.2, 0.1], 0.5)
    spread = 0.7 / 3
    assert found == pytest.approx([0.5 * math.tanh(3 * gap / (0.5 * spread) - 3) + 0.5 for gap in (0.6, 0.0, -0.1)])
    assert sanctions([1.0, 1.0, 0.0], 1.0) == pytest.approx([1 / 4, 1 / 4, 0.0])


@pytest.mark.parametrize("local", [[0.0, 0.0], [0.4, 0.4, 0.4], [0.0, 0.0, 0.0]])
def test_where_nothing_deviates_nothing_is_infinite(local: list[float]) -> None:
    assert all(math.isfinite(one) for one in significances(local, 0.5))


def test_a_word_seen_once_is_nothing_and_one_in_all_classes_is_next_to_nothing() -> None:
    values = class_values({"once": [0, 1], "common": [50, 50], "telling": [0, 20]}, Smoothing())
    assert set(values) == {"common", "telling"}
    assert max(values["common"]) < 0.01
    assert values["telling"][0] == 0
    assert values["telling"][1] > 0.5


@given(st.lists(st.integers(0, 50), min_size=2, max_size=5), st.integers(0, 100))
def test_values_lie_between_0_and_1(counts: list[int], more: int) -> None:
    assert all(0 <= one <= 1 for one in global_values(counts, [max(1, one) + more for one in counts], Smoothing()))


@pytest.mark.parametrize("setting", [{"sigma": 0}, {"sigma": 1.5}, {"significance": 0}, {"sanction": float("nan")}])
def test_settings_outside_their_range_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(BadSetting, match=next(iter(setting))):
        Smoothing(**setting)
