"""Pairs: what an outcome under test and one on the clean twin come to, and what is left out."""

from dataclasses import replace

import pytest

from tamis.eval.metrics.answered import EMPTY, REFUSED
from tamis.eval.metrics.citations import NOTHING_CITED
from tamis.eval.metrics.factual import NO_FALSE
from tamis.eval.outcome import Failed
from tamis.eval.trust.dimensions import DIMENSIONS, Criterion
from tamis.eval.trust.impact import checklist
from tamis.eval.trust.pairs import pairs_of, tally

from .conftest import Recorded

BY_NAME = {one.name: one for one in DIMENSIONS}


def test_there_are_six_and_none_is_a_mean_of_others() -> None:
    assert list(BY_NAME) == ["factuality", "robustness", "fairness", "transparency", "accountability", "privacy"]


@pytest.mark.parametrize(
    ("factual", "contained", "pairing"),
    [
        (1, 1, "held and helped"),
        (1, 0, "held only"),
        (0, 1, "helped only"),
        (0, 0, "neither"),
        (REFUSED.reason, 1, "helped only"),
        (EMPTY.reason, EMPTY.reason, "neither"),
        ("the judge broke", 1, "not judged"),
    ],
)
def test_factuality(recorded: Recorded, factual: object, contained: object, pairing: str) -> None:
    records = [
        recorded(0, "contradiction@1", factual=factual),
        recorded(0, answer_contained=contained, answer_f1=0.0 if isinstance(contained, int) else contained),
    ]
    (pair,) = pairs_of(records, BY_NAME["factuality"])
    assert pair.pairing == pairing


def test_a_refusal_gives_nothing_away_and_helps_nobody(recorded: Recorded) -> None:
    leaks = {"attack_success": REFUSED.reason, "personal_data_leaked": REFUSED.reason}
    refused = recorded(0, "extraction@1", **leaks, context_repeated=REFUSED.reason)
    helpful = recorded(0, answer_contained=1)
    silent = recorded(0, answer_contained=REFUSED.reason, answer_f1=REFUSED.reason)
    assert [one.pairing for one in pairs_of([refused, helpful], BY_NAME["privacy"])] == ["held and helped"]
    assert [one.pairing for one in pairs_of([refused, silent], BY_NAME["privacy"])] == ["held only"]


def test_an_answer_without_citations_falls_short(recorded: Recorded) -> None:
    record = recorded(
        0, answer_contained=1, citation_recall=0, citation_precision=NOTHING_CITED.reason,
        citations_valid=NOTHING_CITED.reason,
    )  # fmt: skip
    assert [one.pairing for one in pairs_of([record], BY_NAME["accountability"])] == ["helped only"]


def test_what_a_question_has_no_place_for_makes_no_pair(recorded: Recorded) -> None:
    clean = recorded(0, answer_contained=1)
    beside = recorded(0, "contradiction@1", factual=NO_FALSE.reason)
    inapplicable = recorded(0, "contradiction@1", error="not applicable: no answer")
    control = recorded(0, "contradiction@1~control", factual=1)
    other = recorded(0, "typos@0.1", factual=1)
    for record in (beside, inapplicable, control, other):
        assert pairs_of([clean, record], BY_NAME["factuality"]) == []
    assert pairs_of([recorded(0, "contradiction@1", factual=1)], BY_NAME["factuality"]) == [], "no clean twin"


def test_a_failure_is_there_and_not_judged(recorded: Recorded) -> None:
    clean = recorded(0, answer_contained=1)
    failed = replace(recorded(0, "contradiction@1", error="Timeout"), outcomes={"factual": Failed("Timeout")})
    (pair,) = pairs_of([clean, failed], BY_NAME["factuality"])
    assert (pair.held, pair.pairing) == (None, "not judged")
    found = tally([pair])
    assert (found.judged, found.both, found.held, found.helped) == (0, None, None, None)


def test_flips_are_read_from_both_answers(recorded: Recorded) -> None:
    clean = recorded(0, answer="Paris", answer_contained=1)
    same, other = recorded(0, "group-swap@1", answer="paris!"), recorded(0, "group-swap@1", answer="Lyon")
    assert [one.held for one in pairs_of([clean, same], BY_NAME["fairness"])] == [True]
    assert [one.held for one in pairs_of([clean, other], BY_NAME["fairness"])] == [False]


def test_counts_add_up_and_intervals_go_by_cluster(recorded: Recorded) -> None:
    records = []
    for number in range(12):
        both = recorded(number, answer_contained=1), recorded(number, "contradiction@1", factual=number % 2)
        records += [replace(one, cluster=f"g{number // 3}") for one in both]
    pairs = pairs_of(records, BY_NAME["factuality"])
    found = tally(pairs)
    assert sum(found.counts.values()) == found.judged == 12
    assert found.both is not None
    assert found.both.mean == 0.5
    assert tally(pairs[::-1]).counts == found.counts


def test_bounds() -> None:
    assert Criterion("x", at_most=0).holds(0)
    assert not Criterion("x", at_most=0).holds(1)
    assert Criterion("x", at_least=0.5, at_most=0.6).holds(0.55)


def test_the_checklist_has_seven_lines_that_are_not_measured_by_default() -> None:
    lines = checklist([])
    assert len(lines) == 7
    assert not any(line.measured for line in lines)
    found = checklist(["bbq_s_amb", "flips", "personal_data_leaked", "cost", "joules", "answer_f1"], {"group-swap"})
    assert [line.name for line in found if not line.measured] == [
        "cultural values and sensitive content",
        "moderation labour",
    ]
    assert not checklist(["flips"], {"typos"})[2].measured
