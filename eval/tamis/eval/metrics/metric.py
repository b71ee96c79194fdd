"""The seam for metrics: what is seen of one case under one variant, in; named outcomes, out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from ..attacks.attack import Attacked
from ..case import Case
from ..outcome import Outcome
from ..trace import Trace
from ..variant import Variant

Counted = Literal["supported", "unsupported"]
"""Which claims a judge counts."""


@dataclass(frozen=True)
class Observed:
    """One case under one variant, with what the target did. ``attacked`` is the case as it was put to the target."""

    case: Case
    variant: Variant
    attacked: Attacked
    trace: Trace


@dataclass(frozen=True)
class About:
    """What a figure means: ``is_rate`` for values of 0 and 1 alone, its direction (None: neither is better), its unit.

    What has a direction and no unit is a share, with values in [0, 1]: what is counted, weighed or paid has a unit.
    A figure that a clock or a meter gives (``is_measured_time``) differs from run to run and stays out of what must be
    the same for the same seed.
    """

    is_rate: bool
    higher_is_better: bool | None
    unit: str = ""
    is_measured_time: bool = False


class Metric(Protocol):
    """Judges what was seen. ``name`` is the field's usual one ("nDCG@10", "answer_f1").

    ``score`` gives one outcome under the name alone, or one for each step of the trace under "name [step]" (see
    ``at_step``). It gives Unscored where the metric has no value, and never a number for an empty answer, a refusal or
    an error. ``about`` is the same for all of a metric's figures.
    """

    @property
    def name(self) -> str: ...

    @property
    def about(self) -> About: ...

    def score(self, seen: Observed) -> Mapping[str, Outcome]: ...


@runtime_checkable
class Judged(Protocol):
    """A metric whose figure is a share of claims, in [0, 1], that a judge counted: the judge's errors correct its mean.

    ``judged_by`` is the judge's name, ``counts`` says which claims. A figure that is no such share (whether any claim
    of an answer is denied, say) is not made right by what is known of single claims.
    """

    @property
    def judged_by(self) -> str: ...

    @property
    def counts(self) -> Counted: ...


def meaning_of(metric: Metric) -> dict[str, Any]:
    """What a metric says of its figures, as JSON: what a run's plan keeps of it and a report is read by."""
    about = metric.about
    meaning = {
        "is_rate": about.is_rate,
        "higher_is_better": about.higher_is_better,
        "unit": about.unit,
        "is_measured_time": about.is_measured_time,
    }
    return {**meaning, "judge": metric.judged_by, "counts": metric.counts} if isinstance(metric, Judged) else meaning


def at_step(name: str, step: str) -> str:
    """The name of a metric's figure at one step.

    >>> at_step("nDCG@10", "retrieve")
    'nDCG@10 [retrieve]'
    """
    return f"{name} [{step}]"
