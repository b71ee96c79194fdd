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


def together(metrics: Sequence[Metric], scores: Sequence[Mapping[str, Outcome]]) -> Judged:
    """The figures of the metrics, each with what ``scores_of`` gave of it."""
    result = Judged({}, {})
    for metric, figures in zip(metrics, scores, strict=True):
        kept = result.timings if metric.about.is_measured_time else result.outcomes
        kept.update(figures)
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


def scores_of(seen: Observed, metric: Metric) -> Mapping[str, Outcome]:
    """What one metric says of one case under one variant, by figure: Failed where it raises or gives what is no score.

    It is called in a thread of its own, where nobody's Ctrl-C arrives: what it raises is the metric's own doing.
    """
    try:
        return _checked(metric.score(seen), metric.name)
    except BaseException as error:  # noqa: BLE001 - one metric on one case must not lose what the others say
        return {metric.name: Failed(reason_of(error))}


def _checked(scores: object, name: str) -> Mapping[str, Outcome]:
    if not isinstance(scores, Mapping):
        return {name: Failed(f"the metric gave {type(scores).__name__} where outcomes by figure were expected")}
    for figure, outcome in scores.items():
        if not isinstance(figure, str):
            return {name: Failed(f"the metric gave an outcome for {figure!r}, which is no figure's name")}
        if not isinstance(outcome, Scored | Unscored | Failed):
            wrong = f"the metric gave {type(outcome).__name__} where Scored, Unscored or Failed was expected"
            return {figure: Failed(wrong)}
        if not isinstance(outcome, Scored) and not isinstance(_why(outcome), str):
            return {figure: Failed(f"the metric gave no value, and as the reason {_why(outcome)!r}, which is no text")}
    return dict(scores)


def _why(outcome: Unscored | Failed) -> object:
    return outcome.reason if isinstance(outcome, Unscored) else outcome.error
