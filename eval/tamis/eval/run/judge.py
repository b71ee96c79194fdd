"""Judges what was seen by every metric; a metric that raises costs its own figures and nothing else."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..metrics.metric import Metric, Observed
from ..outcome import Failed, Outcome, Scored, Unscored
from .attempt import reason_of
from .record import NOT_APPLICABLE


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
    """Every metric's own figure without a value for the same reason: failed, or unscored where an attack had no place.

    Nothing is known of the steps that there would have been.
    """
    result = Judged({}, {})
    for metric in metrics:
        kept = result.timings if metric.about.is_measured_time else result.outcomes
        kept[metric.name] = without_a_trace(error)
    return result


def without_a_trace(error: str) -> Outcome:
    """What a figure is where there is no trace, for this reason.

    >>> without_a_trace("TimeoutError: 60 s"), without_a_trace("not applicable: the case has no date")
    (Failed(error='TimeoutError: 60 s'), Unscored(reason='not applicable: the case has no date'))
    """
    return Unscored(error) if error.startswith(NOT_APPLICABLE) else Failed(error)


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
