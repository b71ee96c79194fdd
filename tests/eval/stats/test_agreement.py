"""Kappa and alpha: by hand, against statsmodels, and silent where chance alone agrees."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa  # type: ignore[import-untyped]

from tamis.core.errors import BadInput
from tamis.eval.stats import cohen_kappa, krippendorff_alpha

LABELS = st.sampled_from(["full", "partial", "none"])


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=60))
def test_kappa_is_that_of_statsmodels(pairs: list[tuple[str, str]]) -> None:
    names = ["full", "partial", "none"]
    table = np.zeros((3, 3))
    for a, b in pairs:
        table[names.index(a), names.index(b)] += 1
    found = cohen_kappa([a for a, _ in pairs], [b for _, b in pairs])
    if found is None:
        assert len({label for pair in pairs for label in pair}) == 1
    else:
        assert found == pytest.approx(cohens_kappa(table, return_results=False), abs=1e-12)


def test_alpha_of_krippendorffs_own_example() -> None:
    """Four observers, twelve units, nominal: 0.743 (Computing Krippendorff's alpha-reliability, 2011)."""
    observers = [
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    ]
    rows = [[None if label == "." else label for label in row.split()] for row in observers]
    assert krippendorff_alpha(list(zip(*rows, strict=True))) == pytest.approx(0.743, abs=0.0005)


@given(st.lists(st.lists(st.one_of(st.none(), LABELS), max_size=4), max_size=20))
def test_alpha_is_at_most_one_and_one_only_for_full_agreement(units: list[list[str | None]]) -> None:
    found = krippendorff_alpha(units)
    if found is not None:
        assert found <= 1
        agree = all(len({label for label in unit if label}) < 2 for unit in units)
        assert (found == 1) == agree


def test_where_chance_alone_agrees_nothing_is_said() -> None:
    assert cohen_kappa(["a", "a"], ["a", "a"]) is None
    assert krippendorff_alpha([["a", "a"], ["a", "a"]]) is None
    assert krippendorff_alpha([["a"], ["b"], []]) is None
    with pytest.raises(BadInput, match="not 0 and 0"):
        cohen_kappa([], [])
