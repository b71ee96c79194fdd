"""What is kept of one case under one variant: the journal's line and the report's row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..outcome import Outcome, outcome_of
from ..variant import Variant
from .packing import packed, unpacked

NOT_APPLICABLE = "not applicable: "
"""How the error of a record begins whose case the attack has nothing to do with."""


@dataclass(frozen=True)
class Record:
    """``outcomes`` by figure are the same for the same seed; ``timings`` by figure are what clocks and meters gave.

    ``number`` is the case's place in the data, from 0. ``answer`` is the answer's text, None where there is none.
    ``error`` is why the target gave no trace at all, or the attack could not be made; every figure is then Failed or
    Unscored. ``realised`` is the attack's strength as it was reached. ``evidence`` is what a reader wants to see of it
    (steps with passages, ids, scores and planted marks, texts cut), as JSON.
    """

    case: str
    number: int
    variant: Variant
    cluster: str
    outcomes: Mapping[str, Outcome]
    timings: Mapping[str, Outcome] = field(default_factory=dict)
    answer: str | None = None
    error: str | None = None
    realised: float = 0.0
    tags: tuple[str, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """What is run once: the case and its variant."""
        return self.case, self.variant.key

    def to_json(self) -> dict[str, Any]:
        """As it stands in the journal."""
        return {
            "case": self.case,
            "number": self.number,
            "variant": self.variant.key,
            "cluster": self.cluster,
            "outcomes": {name: outcome.to_json() for name, outcome in self.outcomes.items()},
            "timings": {name: outcome.to_json() for name, outcome in self.timings.items()},
            "answer": self.answer,
            "error": self.error,
            "realised": self.realised,
            "tags": list(self.tags),
            "evidence": packed(self.evidence),
        }

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> "Record":
        """What ``to_json`` wrote."""
        return cls(
            case=written["case"],
            number=written["number"],
            variant=Variant.of(written["variant"]),
            cluster=written["cluster"],
            outcomes={name: outcome_of(one) for name, one in written["outcomes"].items()},
            timings={name: outcome_of(one) for name, one in written["timings"].items()},
            answer=written["answer"],
            error=written["error"],
            realised=written["realised"],
            tags=tuple(written["tags"]),
            evidence=unpacked(written["evidence"]),
        )
