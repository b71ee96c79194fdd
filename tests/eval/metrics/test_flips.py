"""Flips: a changed answer, right or wrong, and nothing where one side did not answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.eval.metrics.flips import flips
from tamis.eval.outcome import Scored, Unscored


@pytest.mark.parametrize(
    ("clean", "attacked", "expected"),
    [("Paris", "The PARIS.", 0), ("Paris", "Lyon", 1), ("wrong", "also wrong", 1), ("yes", "yesterday", 1)],
)
def test_by_hand(clean: str, attacked: str, expected: float) -> None:
    assert flips(clean, attacked) == Scored(expected)


@pytest.mark.parametrize("silent", [None, "", "  ", "I cannot answer that.", "Empty Response"])
def test_a_side_that_did_not_answer_is_no_flip(silent: str | None) -> None:
    assert isinstance(flips(silent, "Paris"), Unscored)
    assert isinstance(flips("Paris", silent), Unscored)
    assert isinstance(flips(silent, silent), Unscored)


@given(st.text(), st.text())
def test_the_same_never_flips_and_the_sides_may_be_swapped(one: str, other: str) -> None:
    assert flips(one, one) != Scored(1.0)
    there, back = flips(one, other), flips(other, one)
    assert there == back or (isinstance(there, Unscored) and isinstance(back, Unscored))
