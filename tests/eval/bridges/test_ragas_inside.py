"""Our metrics as metrics of ragas: the same numbers, NaN for no value, an exception for an error."""

import asyncio
import logging
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from tamis.core.errors import BadInput, BadSetting
from tamis.eval.bridges import RagasMetric, in_ragas
from tamis.eval.bridges.ragas_inside import MetricFailed, observed, score_of
from tamis.eval.metrics import About, Observed, metric_of
from tamis.eval.outcome import Failed, Outcome, Scored

Load = Callable[[str], Any]


@dataclass(frozen=True)
class Broken:
    """Fails at everything."""

    name: ClassVar[str] = "broken"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=True)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        return {self.name: Failed("out of order")}


def sample(ragas: Load, **columns: Any) -> Any:
    return ragas("ragas.dataset_schema").SingleTurnSample(**columns)


def test_a_sample_is_a_case_with_one_step(ragas: Load) -> None:
    seen = observed(
        sample(
            ragas,
            user_input="where?",
            response="Here.",
            reference="There.",
            retrieved_contexts=["one", "two"],
            retrieved_context_ids=[7, "b"],
            reference_contexts=["two"],
            reference_context_ids=["b"],
        )
    )
    assert [(one.id, one.content.text) for one in seen.trace.context] == [("7", "one"), ("b", "two")]
    assert seen.case.gold == {"b"}
    assert (seen.case.query.text, seen.case.answers) == ("where?", ("There.",))
    assert seen.trace.answer is not None
    assert seen.trace.answer.text == "Here."


def test_without_ids_equal_texts_are_the_same_passage(ragas: Load) -> None:
    one = sample(ragas, retrieved_contexts=["x", "y"], reference_contexts=["y"])
    assert score_of(metric_of("RR"), one) == 0.5
    assert score_of(metric_of("gold_recall"), one) == 1.0


def test_ragas_evaluates_by_our_metrics(ragas: Load) -> None:
    rows = [
        {"retrieved_contexts": ["x", "y"], "reference_contexts": ["y"], "response": "Paris", "reference": "Paris"},
        {"retrieved_contexts": ["x", "y"], "reference_contexts": ["x"], "response": "Lyon", "reference": "Paris"},
        {
            "retrieved_contexts": ["x", "y"],
            "reference_contexts": ["x"],
            "response": "I don't know.",
            "reference": "Paris",
        },
    ]
    data = ragas("ragas.dataset_schema").EvaluationDataset.from_list(rows)
    metrics = [in_ragas(metric_of(name)) for name in ("RR", "answer_exact_match")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = ragas("ragas").evaluate(data, metrics=metrics, show_progress=False, raise_exceptions=True).scores
    assert [one["RR"] for one in found] == [0.5, 1.0, 1.0]
    assert [one["answer_exact_match"] for one in found[:2]] == [1.0, 0.0]
    assert math.isnan(found[2]["answer_exact_match"])


def test_no_value_is_nan_and_logged(ragas: Load, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tamis")
    assert math.isnan(score_of(metric_of("answer_f1"), sample(ragas, response="", reference="Paris")))
    assert "the answer is empty" in caplog.text


def test_an_error_is_raised(ragas: Load) -> None:
    metric = in_ragas(Broken())
    with pytest.raises(MetricFailed, match="broken: out of order"):
        asyncio.run(metric.single_turn_ascore(sample(ragas, response="x")))
    with pytest.raises(BadInput, match="2 retrieved contexts and 1 ids"):
        observed(sample(ragas, retrieved_contexts=["x", "y"], retrieved_context_ids=["1"]))


def test_ragas_insists_on_what_the_metric_needs(ragas: Load) -> None:
    metric = in_ragas(metric_of("answer_f1"), needs=("response", "reference"))
    assert metric.required_columns == {"SINGLE_TURN": {"response", "reference"}}
    with pytest.raises(BadSetting, match='no column "answer"'):
        in_ragas(metric_of("answer_f1"), needs=("answer",))


def test_there_and_back(ragas: Load) -> None:
    inside = in_ragas(metric_of("answer_f1"))
    seen = observed(sample(ragas, response="in Paris", reference="Paris", user_input="where?"))
    assert RagasMetric(inside, called="there_and_back").score(seen) == {"there_and_back": Scored(2 / 3)}
