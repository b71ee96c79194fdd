"""McNemar and Holm against SciPy and statsmodels, and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as reference  # type: ignore[import-untyped]
from statsmodels.stats.contingency_tables import mcnemar  # type: ignore[import-untyped]
from statsmodels.stats.multitest import multipletests  # type: ignore[import-untyped]

from tamis.core.errors import BadInput
from tamis.eval.stats import exact_mcnemar, holm, one_sided_mcnemar


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 5))
def test_mcnemar_is_scipys_sign_test_and_statsmodels_own(only_a: int, only_b: int, both: int) -> None:
    a = [True] * (only_a + both) + [False] * only_b
    b = [False] * only_a + [True] * (both + only_b)
    found = exact_mcnemar(a, b)
    assert found == pytest.approx(mcnemar([[both, only_a], [only_b, 0]], exact=True).pvalue, rel=1e-9)
    if only_a + only_b:
        assert found == pytest.approx(reference.binomtest(only_a, only_a + only_b).pvalue, rel=1e-9)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_on_one_side_is_scipys_sign_test(only_a: int, only_b: int) -> None:
    found = one_sided_mcnemar(only_a, only_b)
    if only_a + only_b:
        expected = reference.binomtest(only_a, only_a + only_b, alternative="greater").pvalue
        assert found == pytest.approx(expected, rel=1e-9)
    else:
        assert found == 1


def test_counts_below_nothing_are_refused() -> None:
    with pytest.raises(BadInput, match="-1 and 3"):
        one_sided_mcnemar(-1, 3)


def test_holm_by_hand() -> None:
    """Sorted 0.01, 0.02, 0.03, 0.2: times 4, 3, 2, 1 is 0.04, 0.06, 0.06, 0.2, never falling."""
    assert holm([0.03, 0.01, 0.2, 0.02]) == pytest.approx([0.06, 0.04, 0.2, 0.06])
    assert holm([0.6, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_holm_is_that_of_statsmodels() -> None:
    p_values = (np.random.default_rng(0).random(50) ** 3).tolist()
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], rel=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_holm_only_raises_and_keeps_the_order(p_values: list[float]) -> None:
    found = holm(p_values)
    assert all(p <= adjusted <= 1 for p, adjusted in zip(p_values, found, strict=True))
    by_size = sorted(zip(p_values, found, strict=True))
    assert [adjusted for _, adjusted in by_size] == sorted(found)


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(BadInput, match=r"1\.2"):
        holm([0.1, 1.2])
    with pytest.raises(BadInput, match="nan"):
        holm([float("nan")])
    with pytest.raises(BadInput, match="2 and 1"):
        exact_mcnemar([True, False], [True])
