"""What a target tells of its cost: passed on, and refused where it cannot be."""

import math
from collections.abc import Callable

import pytest

from tamis.eval.metrics import Metric, Observed
from tamis.eval.metrics.usage import CompletionTokens, Cost, Joules, Latency, PromptTokens
from tamis.eval.outcome import Failed, Scored, Unscored

TOLD: list[tuple[Metric, str]] = [
    (Latency(), "seconds"),
    (PromptTokens(), "prompt_tokens"),
    (CompletionTokens(), "completion_tokens"),
    (Cost(), "cost"),
    (Joules(), "joules"),
]


@pytest.mark.parametrize(("metric", "told"), TOLD, ids=lambda one: getattr(one, "name", None))
def test_what_is_told_is_passed_on_and_what_is_not_is_not_zero(
    observe: Callable[..., Observed], metric: Metric, told: str
) -> None:
    assert metric.score(observe(**{told: 3})) == {metric.name: Scored(3.0)}
    assert metric.score(observe(**{told: 0})) == {metric.name: Scored(0.0)}
    assert isinstance(metric.score(observe())[metric.name], Unscored)
    for impossible in (-1.0, math.nan, math.inf):
        assert isinstance(metric.score(observe(**{told: impossible}))[metric.name], Failed)


def test_what_a_clock_or_a_meter_gives_is_marked() -> None:
    assert {metric.name for metric, _ in TOLD if metric.about.is_measured_time} == {"latency_s", "joules"}
