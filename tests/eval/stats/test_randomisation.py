"""The randomisation test: the same however it is computed, and right as often as it says where nothing differs."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as reference  # type: ignore[import-untyped]

from tamis.core.errors import BadInput
from tamis.eval.stats import exact_mcnemar, paired_p_value

EIGHTHS = st.lists(st.sampled_from([-1.0, -0.5, -0.125, 0.0, 0.25, 0.375, 1.0]), min_size=1, max_size=9)


def counted(gaps: list[float]) -> float:
    """By the definition: all ways to turn the items round."""
    seen = abs(sum(gaps))
    sums = [
        abs(sum(sign * gap for sign, gap in zip(signs, gaps, strict=True)))
        for signs in product((1, -1), repeat=len(gaps))
    ]
    return sum(one >= seen - 1e-9 for one in sums) / len(sums)


@given(EIGHTHS)
def test_on_a_grid_all_outcomes_are_counted(gaps: list[float]) -> None:
    assert paired_p_value(gaps, [0.0] * len(gaps)) == pytest.approx(counted(gaps), abs=1e-9)


@given(st.lists(st.floats(-1, 1).map(lambda gap: gap * 0.7310585), min_size=1, max_size=8))
def test_off_the_grid_few_are_counted_too(gaps: list[float]) -> None:
    gaps = [gap if abs(gap) > 1e-6 else 0.0 for gap in gaps]
    assert paired_p_value(gaps, [0.0] * len(gaps)) == pytest.approx(counted(gaps), abs=1e-9)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=200))
def test_for_rates_it_is_mcnemars_exact_test(pairs: list[tuple[bool, bool]]) -> None:
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    assert paired_p_value([float(x) for x in a], [float(y) for y in b]) == pytest.approx(exact_mcnemar(a, b), rel=1e-9)


@pytest.mark.parametrize("n", [40, 99, 100, 250])
@pytest.mark.parametrize("shape", ["normal", "lognormal"])
def test_tossed_or_approximated_it_is_scipys_permutation_test(n: int, shape: str) -> None:
    rng = np.random.default_rng(n)
    gaps = getattr(rng, shape)(size=n) * np.where(rng.random(n) < 0.5 + 0.6 / np.sqrt(n), 1, -1)
    expected = reference.permutation_test(
        (gaps, np.zeros(n)),
        lambda x, y, axis: (x - y).mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=20_000,
        batch=2_000,
        rng=np.random.default_rng(0),
    ).pvalue
    # Two tossed values differ by the noise of both.
    noise = 4 * np.sqrt(expected * (1 - expected) * (1 / 20_000 + 1 / 9_999))
    assert paired_p_value(gaps.tolist(), [0.0] * n) == pytest.approx(expected, abs=float(noise) + 0.002)


def test_far_out_the_approximation_is_the_counted_tail() -> None:
    """1,000 whole numbers are counted exactly; moved off the grid by a millionth they are approximated."""
    rng = np.random.default_rng(1)
    for ahead in (0.5, 0.53, 0.56, 0.6):
        gaps = rng.integers(1, 50, 1000) * np.where(rng.random(1000) < ahead, 1.0, -1.0)
        counted_one_by_one = paired_p_value(gaps.tolist(), [0.0] * 1000)
        moved = paired_p_value((gaps * (1 + 1e-6 * rng.random(1000))).tolist(), [0.0] * 1000)
        assert moved == pytest.approx(counted_one_by_one, rel=0.02)


@pytest.mark.parametrize("n", [20, 120])
def test_where_nothing_differs_it_finds_something_as_often_as_it_says(n: int) -> None:
    """400 runs at 0.1: 40, give or take 3 * sqrt(400 * 0.1 * 0.9) = 18."""
    rng = np.random.default_rng(4)
    found = sum(paired_p_value(*(draw.tolist() for draw in rng.exponential(size=(2, n)))) <= 0.1 for _ in range(400))
    assert 22 <= found <= 58


def test_items_that_belong_together_are_turned_round_together() -> None:
    a, clusters = [0.31, 0.52, 0.43, 0.24] * 5, [n // 4 for n in range(20)]
    assert paired_p_value(a, [0.0] * 20) < 0.001
    assert paired_p_value(a, [0.0] * 20, clusters=clusters) == pytest.approx(2 / 2**5)


@settings(max_examples=20)
@given(st.integers(0, 2**31), st.sampled_from([5, 30, 130]))
def test_the_same_seed_gives_the_same_and_the_sides_may_be_swapped(seed: int, n: int) -> None:
    a, b = np.random.default_rng(seed).random((2, n))
    found = paired_p_value(a.tolist(), b.tolist(), seed=7)
    assert 0 < found <= 1
    assert paired_p_value(a.tolist(), b.tolist(), seed=7) == found
    assert paired_p_value(b.tolist(), a.tolist(), seed=7) == pytest.approx(found, rel=1e-9)


@pytest.mark.parametrize("largest", [(50.1,), (30.2, 20.3, 10.4), (5.1, 5.2, 5.3)])
def test_a_few_that_are_far_larger_decide(largest: tuple[float, ...]) -> None:
    """Beside 100,000 tosses, whose share has a standard error of at most 0.0016."""
    rng = np.random.default_rng(3)
    gaps = np.concatenate([largest, rng.normal(0, 0.3, 150)])
    signs = rng.integers(2, size=(100_000, len(gaps)), dtype=np.int8) * 2 - 1
    expected = float((np.abs(np.einsum("ij,j->i", signs, gaps)) >= abs(gaps.sum())).mean())
    assert paired_p_value(gaps.tolist(), [0.0] * len(gaps)) == pytest.approx(expected, abs=0.006)


def test_all_alike_is_as_rare_as_it_can_be() -> None:
    assert 0 < paired_p_value((1 + np.arange(200) / 977.3).tolist(), [0.0] * 200) < 1e-50
    assert 0 < paired_p_value([100.123, *(0.001 + np.arange(300) / 1e7).tolist()], [0.0] * 301) < 1e-50


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(BadInput, match="2 and 1"):
        paired_p_value([1.0, 2.0], [1.0])
    with pytest.raises(BadInput, match="value 1 is nan"):
        paired_p_value([1.0, float("nan")], [1.0, 1.0])
    with pytest.raises(BadInput, match="clusters"):
        paired_p_value([1.0, 2.0], [0.0, 0.0], clusters=["q"])


@pytest.mark.parametrize("n", [12, 40, 150])
@pytest.mark.parametrize("factor", [1e-300, 1e-200, 1e200, 1e300])
def test_the_scale_of_the_differences_changes_nothing(n: int, factor: float) -> None:
    gaps = np.random.default_rng(n).normal(0.1, 1, n)
    found = paired_p_value((gaps * factor).tolist(), [0.0] * n)
    assert found == pytest.approx(paired_p_value(gaps.tolist(), [0.0] * n), rel=1e-9)


def test_numbers_near_the_largest_there_are_have_a_p_value() -> None:
    a = np.random.default_rng(1).choice([1.7e308, -1.7e308], 120)
    assert 0 < paired_p_value(a.tolist(), (-a).tolist()) <= 1
