"""The seam for metrics: what is seen of one case under one variant, in; named outcomes, out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ..attacks.attack import Attacked
from ..case import Case
from ..outcome import Outcome
from ..trace import Trace
from ..variant import Variant


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


def at_step(name: str, step: str) -> str:
    """The name of a metric's figure at one step.

    >>> at_step("nDCG@10", "retrieve")
    'nDCG@10 [retrieve]'
    """
    return f"{name} [{step}]"
