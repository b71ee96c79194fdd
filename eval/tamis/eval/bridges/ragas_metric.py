"""A metric of ragas over our traces."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tamis.core.errors import BadSetting
from tamis.core.media import MediaPolicy
from tamis.models.http.worker import call

from ..metrics.metric import About, Observed
from ..metrics.steps import NO_STEPS, at_each_step
from ..outcome import Failed, Outcome, Scored, Unscored
from ..run.attempt import reason_of
from ..trace import Passage
from .ragas_columns import Columns
from .ragas_kinds import Asked, asked
from .ragas_said import said

_CONTEXTS = frozenset({"retrieved_contexts", "retrieved_context_ids"})


@dataclass(frozen=True)
class RagasMetric:
    """Judges what was seen by a ragas metric: one of samples, of ``ragas.metrics.collections``, or of a user's own.

    The context is what the last step gave on; ``each_step=True`` judges a metric that needs no answer at every step.
    The reference is the first accepted answer; a column that ragas has and we have not is looked for in the case's
    ``extra``. An empty answer, a refusal, missing gold and NaN are Unscored, with what ragas logged of it; an
    exception, no score within ``deadline_s`` seconds and what is no number are Failed. ``values`` gives the numbers
    that words stand for ({"pass": 1, "fail": 0}). Only images that ``policy`` allows are opened, and only for metrics
    that read them: ragas' own multimodal ones, or ``reads_images=True``. ``leave_out_images`` judges the text alone,
    which says less. ``llm`` is for metrics that are made without one; ragas' default, a paid service, is never taken.

    ``name`` is "ragas_" and ragas' own, unless ``called`` says otherwise. ragas' telemetry stays off. Calls run on one
    event loop, whichever threads they come from. Raises BadSetting, MissingExtra.
    """

    metric: Any = field(repr=False)
    called: str | None = None
    llm: Any = field(default=None, repr=False)
    values: Mapping[str, float] = field(default_factory=dict, hash=False)
    higher_is_better: bool | None = True
    each_step: bool = False
    reads_images: bool | None = None
    leave_out_images: bool = False
    policy: MediaPolicy = field(default_factory=MediaPolicy)
    deadline_s: float = 180.0
    _asked: Asked = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.deadline_s) and self.deadline_s > 0):
            raise BadSetting(f"deadline_s must be a number of seconds above 0, not {self.deadline_s!r}")
        found = asked(self.metric, self.llm)
        if self.reads_images is not None:
            found = found._replace(reads_images=self.reads_images)
        if self.each_step and (not found.required & _CONTEXTS or "response" in found.required):
            raise BadSetting(f"each_step: {self.name} does not judge passages alone, it needs {_list(found.required)}")
        object.__setattr__(self, "_asked", found)

    def __hash__(self) -> int:
        return hash((type(self.metric), self.name))

    @property
    def name(self) -> str:
        return self.called or f"ragas_{self.metric.name}"

    @property
    def about(self) -> About:
        """A rate where ragas says that the metric is binary, or where all ``values`` are 0 or 1."""
        is_rate = all(value in (0, 1) for value in self.values.values()) if self.values else self._asked.is_binary
        return About(is_rate=is_rate, higher_is_better=self.higher_is_better)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        if self.each_step:
            return at_each_step(self.name, seen.trace, lambda passages: self._judged(seen, passages))
        if self._asked.required & _CONTEXTS and not seen.trace.steps:
            return {self.name: NO_STEPS}
        return {self.name: self._judged(seen, seen.trace.context)}

    def _judged(self, seen: Observed, passages: tuple[Passage, ...]) -> Outcome:
        needs = self._asked
        filling = Columns(needs.reads_images, self.leave_out_images, self.policy)
        try:
            columns = filling.fill(seen, passages, needs.required, needs.optional)
            return columns if isinstance(columns, Unscored) else call(lambda: self._ask(columns))
        except TimeoutError:
            return Failed(f"no score within {self.deadline_s:g} s")
        except Exception as error:  # noqa: BLE001 - a metric of somebody else's may raise anything
            return Failed(reason_of(error))

    async def _ask(self, columns: dict[str, Any]) -> Outcome:
        with said() as heard:
            result = await self._asked.score(columns, self.deadline_s)
        # ragas' newer metrics wrap what they give, with a reason.
        value = result.value if hasattr(result, "value") else result
        reason = getattr(result, "reason", None) or (heard[-1] if heard else "ragas gives no reason")
        return self._outcome(value, str(reason))

    def _outcome(self, value: Any, reason: str) -> Outcome:
        if isinstance(value, str) and value in self.values:
            value = self.values[value]
        if value is None:
            # What a function under one of ragas' decorators raises comes back as None, with the error as its reason.
            return Failed(reason) if reason.startswith("Error executing metric") else Unscored(f"no value: {reason}")
        if isinstance(value, str):
            return Unscored(f'the word "{value[:80]}", for which values= names no number')
        try:
            number = float(value)
        except (TypeError, ValueError):
            return Failed(f"{self.name} gave {type(value).__name__} where a number was expected")
        if math.isnan(number):
            return Unscored(f"NaN: {reason}")
        if math.isinf(number):
            return Failed(f"{self.name} gave {number:g}")
        if self.about.is_rate and number not in (0.0, 1.0):
            return Failed(f"{self.name} gave {number:g}, and says that it gives 0 or 1")
        return Scored(number)


def _list(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
