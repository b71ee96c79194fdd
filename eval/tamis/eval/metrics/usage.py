"""What an answer cost: seconds, tokens, money and, where the target tells, energy."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..outcome import Failed, Outcome, Scored, Unscored
from .metric import About, Observed


def _told(value: float | None, what: str) -> Outcome:
    """A number that the target gave. Failed for one that cannot be: it measured wrongly."""
    if value is None:
        return Unscored(f"the target does not tell its {what}")
    if not math.isfinite(value) or value < 0:
        return Failed(f"the target tells {what} of {value}")
    return Scored(float(value))


@dataclass(frozen=True)
class Latency:
    """Seconds from the question to the answer, on the clock; lower is better."""

    name: ClassVar[str] = "latency_s"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=False, unit="s", is_measured_time=True)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        return {self.name: _told(seen.trace.seconds, "seconds")}


@dataclass(frozen=True)
class PromptTokens:
    """Tokens that the language model was given, as the target counts them; lower is better."""

    name: ClassVar[str] = "prompt_tokens"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=False, unit="tokens")

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        return {self.name: _told(seen.trace.usage.prompt_tokens, "prompt tokens")}


@dataclass(frozen=True)
class CompletionTokens:
    """Tokens that the language model wrote, as the target counts them; lower is better."""

    name: ClassVar[str] = "completion_tokens"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=False, unit="tokens")

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        return {self.name: _told(seen.trace.usage.completion_tokens, "completion tokens")}


@dataclass(frozen=True)
class Cost:
    """Money, in the target's currency; lower is better."""

    name: ClassVar[str] = "cost"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=False, unit="money")

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        return {self.name: _told(seen.trace.usage.cost, "cost")}


@dataclass(frozen=True)
class Joules:
    """Energy that the target measured for this answer; lower is better. For a whole run see ``EnergyMeter``."""

    name: ClassVar[str] = "joules"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=False, unit="J", is_measured_time=True)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        return {self.name: _told(seen.trace.usage.joules, "energy")}
