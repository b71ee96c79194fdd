"""What confidence is worth, from the records of a run: against brute force, and with what is missing left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.eval.outcome import Scored
from tamis.eval.run.record import Record
from tamis.eval.trust.selective import selective_answering
from tamis.eval.variant import CLEAN

from .conftest import Recorded


def record(number: int, sure: float, right: bool) -> Record:
    outcomes = {"confidence": Scored(sure), "answer_contained": Scored(float(right))}
    return Record(f"c{number}", number, CLEAN, f"c{number}", outcomes)


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.8, 1.0]), st.booleans()), min_size=1, max_size=15), st.randoms())
def test_against_brute_force_in_any_order(pairs: list[tuple[float, bool]], random: object) -> None:
    records = [record(number, sure, right) for number, (sure, right) in enumerate(pairs)]
    found = selective_answering(reversed(records))
    ranked = sorted(pairs, key=lambda pair: -pair[0])
    risks = [sum(not right for _, right in ranked[:k]) / k for k in range(1, len(ranked) + 1)]
    assert found.aurc == pytest.approx(sum(risks) / len(risks))
    assert found.brier == pytest.approx(sum((sure - right) ** 2 for sure, right in pairs) / len(pairs))
    assert found.risk_at_half == pytest.approx(risks[max(1, -(-len(risks) // 2)) - 1])
    assert found.n == len(pairs)


def test_what_has_no_confidence_is_counted_apart(recorded: Recorded) -> None:
    records = [
        recorded(0, confidence=0.9, answer_contained=1),
        recorded(1, confidence="no score", answer_contained=1),
        recorded(2, confidence=0.2),
        recorded(3, "poison@1", confidence=0.9, answer_contained=0),
    ]
    found = selective_answering(records)
    assert (found.n, found.left_out) == (1, 2)
    assert found.brier == pytest.approx(0.01)
    assert selective_answering([]) == (0, 0, None, None, None, None, None, None, None)
