"""Ranking metrics: ir-measures' own values, by rank alone, and nothing where nothing is known."""

import subprocess
import sys
import time
from collections.abc import Callable

import ir_measures
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tamis.core.errors import BadSetting
from tamis.eval.metrics import Observed
from tamis.eval.metrics.ranking import Ranking
from tamis.eval.outcome import Scored, Unscored

from_fixture = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
DOCUMENTS = [f"d{number}" for number in range(12)]
GRADES = st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(0, 3), min_size=1)
RANKINGS = st.lists(
    st.permutations(DOCUMENTS).flatmap(lambda order: st.integers(1, 12).map(lambda k: order[:k])),
    min_size=1,
    max_size=4,
)
MEASURES = ["nDCG@10", "nDCG", "nDCG(gains={2:3,3:7})@5", "AP", "AP(rel=2)@3", "RR", "RR@3"]
MEASURES += ["P@5", "P(rel=2)@5", "R@10", "Rprec", "Success@2", "Judged@4"]


@pytest.mark.parametrize("name", MEASURES)
@from_fixture
@given(relevance=GRADES, rankings=RANKINGS)
def test_the_values_are_those_of_ir_measures(
    observe: Callable[..., Observed], name: str, relevance: dict[str, int], rankings: list[list[str]]
) -> None:
    """On runs whose scores have no ties: the falling rank, as ir-measures wants it."""
    found = Ranking(name).score(observe(*rankings, relevance=relevance))
    measure = ir_measures.parse_measure(name)
    least = measure.params.get("rel", 1)
    for place, ranking in enumerate(rankings):
        outcome = found[f"{name} [step {place}]"]
        if not any(grade >= least for grade in relevance.values()) and not name.startswith("Judged"):
            assert isinstance(outcome, Unscored)
            continue
        run = {"q": {document: float(-rank) for rank, document in enumerate(ranking)}}
        expected = ir_measures.calc_aggregate([measure], {"q": relevance}, run)[measure]
        assert outcome.to_json() == {"scored": pytest.approx(expected, abs=1e-12)}
    assert found[f"{name} [context]"] == found[f"{name} [step {len(rankings) - 1}]"]


def test_by_hand(observe: Callable[..., Observed]) -> None:
    """Grades 0, 1, 2 where 2, 1, 0 would be ideal: (1/1.585 + 2/2) / (2/1 + 1/1.585) = 1.6309 / 2.6309."""
    seen = observe(["x", "b", "a"], relevance={"a": 2, "b": 1, "x": 0})
    assert Ranking("nDCG@10").score(seen)["nDCG@10 [context]"].to_json() == {"scored": pytest.approx(0.61990, abs=1e-5)}
    assert Ranking("AP").score(seen)["AP [context]"].to_json() == {"scored": pytest.approx((1 / 2 + 2 / 3) / 2)}
    assert Ranking("RR").score(seen)["RR [context]"] == Scored(0.5)


def test_ties_keep_their_order_and_the_rank_is_the_place(observe: Callable[..., Observed]) -> None:
    for score in (None, 0.5, -3.0):
        for ranking, expected in ((["z", "a"], 0.5), (["a", "z"], 1.0)):
            seen = observe([(name, score) for name in ranking], relevance={"a": 1})
            assert Ranking("RR").score(seen)["RR [context]"] == Scored(expected)
    rising = observe([("z", 0.1), ("a", 0.9)], relevance={"a": 1})
    assert Ranking("RR").score(rising)["RR [context]"] == Scored(0.5)


def test_a_passage_that_comes_twice_counts_once_at_its_first_place(observe: Callable[..., Observed]) -> None:
    seen = observe(["a", "a", "x", "b"], relevance={"a": 1, "b": 1})
    assert Ranking("AP").score(seen)["AP [context]"].to_json() == {"scored": pytest.approx((1 + 2 / 3) / 2)}


def test_a_step_that_gave_nothing_found_nothing_but_nothing_in_it_is_judged(observe: Callable[..., Observed]) -> None:
    seen = observe(["a"], [], relevance={"a": 1})
    assert Ranking("R@5").score(seen)["R@5 [context]"] == Scored(0.0)
    assert isinstance(Ranking("Judged@5").score(seen)["Judged@5 [context]"], Unscored)
    assert Ranking("Judged@5").score(seen)["Judged@5 [step 0]"] == Scored(1.0)


def test_what_is_not_known_is_not_scored(observe: Callable[..., Observed]) -> None:
    judged = observe(["a"], relevance={"a": 0})
    assert isinstance(Ranking("nDCG@10").score(judged)["nDCG@10 [context]"], Unscored)
    assert Ranking("Judged@1").score(judged)["Judged@1 [context]"] == Scored(1.0)
    barely = observe(["a"], relevance={"a": 1})
    assert Ranking("P(rel=2)@5").score(barely)["P(rel=2)@5 [context]"] == Unscored(
        "no relevant document of the case is known of grade 2 or above"
    )
    assert isinstance(Ranking("AP").score(observe(relevance={"a": 1}))["AP [context]"], Unscored)


def test_strange_grades_do_no_harm(observe: Callable[..., Observed]) -> None:
    seen = observe(["a", "b"], relevance={"a": -2, "b": 5})
    assert Ranking("RR").score(seen)["RR [context]"] == Scored(0.5)


@pytest.mark.parametrize("name", ["nope", "nDCG@", "P@0.5", "nDCG(colour=1)@5", "ERR@20", "__import__('os')", ""])
def test_what_ir_measures_does_not_know_or_nothing_here_computes_is_refused(name: str) -> None:
    with pytest.raises(BadSetting):
        Ranking(name)


def test_a_thousand_cases_are_a_matter_of_seconds(observe: Callable[..., Observed]) -> None:
    """Six measures at five steps of 20 passages on 100 cases: some 0.15 s of one core."""
    rankings = [[f"d{(place * 7 + step) % 40}" for place in range(20)] for step in range(5)]
    seen = observe(*rankings, relevance={f"d{number}": number % 3 for number in range(10)})
    metrics = [Ranking(name) for name in ("nDCG@10", "AP", "RR", "P@5", "R@10", "Judged@10")]
    began = time.process_time()
    for _ in range(100):
        for metric in metrics:
            metric.score(seen)
    assert time.process_time() - began < 1.5


def test_a_missing_ir_measures_is_one_line_that_installs_it() -> None:
    code = "import sys; sys.modules['ir_measures'] = None; from tamis.eval.metrics import metric_of; metric_of('AP')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith("ranking metrics needs an extra: pip install 'tamis[eval]'")
