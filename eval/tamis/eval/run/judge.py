"""Judges what was seen by every metric; a metric that raises costs its own figures and nothing else."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..metrics.metric import Metric, Observed
from ..outcome import Failed, Outcome, Scored, Unscored
from .attempt import reason_of


class Judged(NamedTuple):
    """Outcomes by figure: those that are the same for the same seed, and those that a clock or a meter gave."""

    outcomes: dict[str, Outcome]
    timings: dict[str, Outcome]


def judged(seen: Observed, metrics: Sequence[Metric]) -> Judged:
    """What the metrics say of one case under one variant."""
    result = Judged({}, {})
    for metric in metrics:
        kept = result.timings if metric.about.is_measured_time else result.outcomes
        kept.update(_scores(seen, metric))
    return result


def failed(error: str, metrics: Sequence[Metric]) -> Judged:
    """Every metric's own figure as failed for the same reason; nothing is known of the steps there would have been."""
    result = Judged({}, {})
    for metric in metrics:
        kept = result.timings if metric.about.is_measured_time else result.outcomes
        kept[metric.name] = Failed(error)
    return result


def _scores(seen: Observed, metric: Metric) -> Mapping[str, Outcome]:
    try:
        scores = metric.score(seen)
    except Exception as error:  # noqa: BLE001 - one metric on one case must not lose what the others say
        return {metric.name: Failed(reason_of(error))}
    for figure, outcome in scores.items():
        if not isinstance(outcome, Scored | Unscored | Failed):
            wrong = f"the metric gave {type(outcome).__name__} where Scored, Unscored or Failed was expected"
            return {str(figure): Failed(wrong)}
    return scores
