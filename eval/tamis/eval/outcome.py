"""What comes of judging one case by one metric: a value, no value for a reason, or an error. Never one for another."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tamis.core.errors import BadInput


@dataclass(frozen=True, slots=True)
class Scored:
    """The metric is defined here and was computed: a finite number. Raises BadInput for any other.

    >>> Scored(0.5).to_json()
    {'scored': 0.5}
    """

    value: float

    def __post_init__(self) -> None:
        if isinstance(self.value, bool) or not isinstance(self.value, int | float) or not math.isfinite(self.value):
            raise BadInput(f"a score must be a finite number, not {self.value!r}: say Unscored(reason) instead")
        object.__setattr__(self, "value", float(self.value))

    def to_json(self) -> dict[str, Any]:
        """As it is written down."""
        return {"scored": self.value}


@dataclass(frozen=True, slots=True)
class Unscored:
    """It was judged, and the metric has no value here: an empty answer, a judge that refused, missing gold."""

    reason: str

    def to_json(self) -> dict[str, Any]:
        """As it is written down."""
        return {"unscored": self.reason}


@dataclass(frozen=True, slots=True)
class Failed:
    """It could not be judged: an exception, a deadline that passed, an attack that could not be made as specified."""

    error: str

    def to_json(self) -> dict[str, Any]:
        """As it is written down."""
        return {"failed": self.error}


Outcome = Scored | Unscored | Failed


def outcome_of(written: Mapping[str, Any]) -> Outcome:
    """What ``to_json`` wrote. Raises BadInput for anything else.

    >>> outcome_of({"unscored": "no answer"})
    Unscored(reason='no answer')
    """
    match written:
        case {"scored": int() | float() as value} if len(written) == 1:
            return Scored(value)
        case {"unscored": str() as reason} if len(written) == 1:
            return Unscored(reason)
        case {"failed": str() as error} if len(written) == 1:
            return Failed(error)
    raise BadInput(f"an outcome is one of scored, unscored and failed, not {dict(written)!r}")
