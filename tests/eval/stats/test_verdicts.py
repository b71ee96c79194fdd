"""Verdicts: never more than the data carry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.errors import BadInput, BadSetting
from tamis.eval.stats import BoundVerdict, Interval, Verdict, bound_holds, verdict


@pytest.mark.parametrize(
    ("difference", "p", "higher", "expected"),
    [
        (Interval(0.2, 0.1, 0.3, 50), 0.001, True, "better"),
        (Interval(0.2, 0.1, 0.3, 50), 0.001, False, "worse"),
        (Interval(-0.2, -0.3, -0.1, 50), None, True, "worse"),
        (Interval(-0.2, -0.3, -0.1, 50), 0.05, False, "better"),
        (Interval(0.2, 0.0, 0.3, 50), 0.001, True, "indistinguishable"),
        (Interval(0.2, 0.1, 0.3, 50), 0.06, True, "indistinguishable"),
        (Interval(0.2, 0.1, 0.3, 50), 0.001, None, "indistinguishable"),
        (Interval(0.2, 0.1, 0.3, 9), 0.001, True, "not enough data"),
        (Interval(0.2, None, None, 50), 0.001, True, "not enough data"),
        (Interval(0.0, 0.0, 0.0, 50), 1.0, True, "indistinguishable"),
    ],
)
def test_a_difference_comes_to_one_of_four_words(
    difference: Interval, p: float | None, higher: bool | None, expected: Verdict
) -> None:
    assert verdict(difference, p, higher_is_better=higher) == expected


def test_pairs_that_belong_together_count_as_groups() -> None:
    found = Interval(0.2, 0.1, 0.3, 50)
    assert verdict(found, 0.001, higher_is_better=True, groups=9) == "not enough data"
    assert verdict(found, 0.001, higher_is_better=True, groups=10) == "better"


@pytest.mark.parametrize(
    ("low", "high", "op", "expected"),
    [
        (0.01, 0.09, "<", "pass"),
        (0.01, 0.10, "<", "not enough data"),
        (0.01, 0.10, "<=", "pass"),
        (0.10, 0.20, "<", "fail"),
        (0.10, 0.20, "<=", "not enough data"),
        (0.11, 0.20, "<=", "fail"),
        (0.11, 0.20, ">", "pass"),
        (0.10, 0.20, ">", "not enough data"),
        (0.10, 0.20, ">=", "pass"),
        (0.05, 0.10, ">", "fail"),
        (0.05, 0.09, ">=", "fail"),
        (None, None, "<", "not enough data"),
    ],
)
def test_a_bound_holds_for_certain_or_not_at_all_or_is_open(
    low: float | None, high: float | None, op: str, expected: BoundVerdict
) -> None:
    assert bound_holds(Interval(0.1, low, high, 20), op, 0.1) == expected  # type: ignore[arg-type]


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1), st.sampled_from([("<", ">="), (">", "<=")]))
def test_what_passes_a_bound_fails_its_opposite(a: float, b: float, bound: float, ops: tuple[str, str]) -> None:
    found = Interval((a + b) / 2, min(a, b), max(a, b), 20)
    one, other = (bound_holds(found, op, bound) for op in ops)  # type: ignore[arg-type]
    assert {"pass": "fail", "fail": "pass", "not enough data": "not enough data"}[one] == other


def test_too_little_is_not_a_pass() -> None:
    clear = Interval(0.0, 0.0, 0.01, 20)
    assert bound_holds(clear, "<", 0.1, least=20) == "pass"
    assert bound_holds(clear, "<", 0.1, least=21) == "not enough data"
    assert bound_holds(clear, "<", 0.1, coverage=0.4, least_coverage=0.5) == "not enough data"
    assert bound_holds(None, "<", 0.1) == "not enough data"


def test_bad_bounds_and_probabilities_are_refused() -> None:
    with pytest.raises(BadSetting, match="=="):
        bound_holds(None, "==", 0.1)  # type: ignore[arg-type]
    with pytest.raises(BadSetting, match="nan"):
        bound_holds(None, "<", float("nan"))
    with pytest.raises(BadInput, match="2"):
        verdict(Interval(0.1, 0.0, 0.2, 50), 2.0, higher_is_better=True)
