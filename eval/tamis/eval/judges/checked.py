"""What a check of a judge found, as a file: the errors that every rate of this judge is corrected by."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tamis.core.atomic import write_bytes
from tamis.core.errors import BadInput

from ..metrics.metric import Counted
from ..report.neutral import json_text
from ..stats import Detector, Interval, prediction_powered, rogan_gladen
from .accuracy import THRESHOLD, Accuracy
from .probes import Stability, Twins

SCHEMA = "tamis-judge-check/1"


@dataclass(frozen=True)
class Calibration:
    """Whether P means what it says; all in [0, 1], lower is better. See ``tamis.eval.stats``."""

    expected_calibration_error: float
    expected_calibration_error_by_mass: float
    brier_score: float


@dataclass(frozen=True)
class JudgeCheck:
    """A judge against labelled pairs: its counts, its accuracy, how stable it is, and how it does on near-negatives.

    ``verdicts`` has, for each labelled pair, its id, P (None for no verdict) and its label. ``reasons`` counts why
    there was no verdict. ``by_length`` is the accuracy on the shorter and the longer half of the claims.
    ``argument_order`` is None for a judge without an order of its own.
    """

    judge: str
    spec: Mapping[str, Any] | None
    data: Mapping[str, Any]
    seed: int
    confidence: float
    tamis: str
    pairs: int
    unscored: int
    disputed: int
    reasons: Mapping[str, int]
    coverage: Interval
    detector: Detector | None
    accuracy: Accuracy
    by_length: Mapping[str, Accuracy]
    calibration: Calibration | None
    order: Stability
    argument_order: Stability | None
    length: Stability
    self_agreement: Stability
    twins: Mapping[str, Twins]
    verdicts: tuple[tuple[str, float | None, bool], ...]

    def to_json(self) -> dict[str, Any]:
        """As it is written down."""
        return {"schema": SCHEMA, "threshold": THRESHOLD, **_plain(self)}

    def write(self, path: str | Path) -> None:
        """Writes the file, whole or not at all."""
        write_bytes(Path(path), self.to_bytes())

    def to_bytes(self) -> bytes:
        """The file's bytes; the same check gives the same."""
        return (json_text(self.to_json()) + "\n").encode()

    @classmethod
    def read(cls, path: str | Path) -> "JudgeCheck":
        """What ``write`` wrote. Raises BadInput where there is no such file, or where it is something else.

        There is no check by default: a rate without one is not corrected, and must not look as if it were.
        """
        try:
            written = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise BadInput(
                f"{path}: the check of a judge cannot be read: {error.strerror}; make it with "
                f"tamis judge check --judge NAME --data pairs.jsonl --out {path}"
            ) from error
        except ValueError as error:
            raise BadInput(f"{path}: is no check of a judge: {error}") from error
        if not isinstance(written, dict) or written.get("schema") != SCHEMA:
            raise BadInput(f'{path}: is no check of a judge: its schema is not "{SCHEMA}"')
        try:
            return _check(cls, written)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInput(f"{path}: is no check of a judge: {type(error).__name__}: {error}") from error

    def detector_of(self, counts: Counted = "supported") -> Detector:
        """The judge as a detector of supported claims, or of unsupported ones. Raises BadInput without both kinds."""
        if self.detector is None:
            raise BadInput(
                f'the check of "{self.judge}" has no verdicts on claims of both kinds, so it corrects nothing'
            )
        if counts == "supported":
            return self.detector
        if counts != "unsupported":
            raise BadInput(f'a judge counts "supported" or "unsupported" claims, not "{counts}"')
        own = self.detector
        return Detector(own.true_negatives, own.negatives, own.true_positives, own.positives)

    def corrected(
        self, hits: int, n: int, *, counts: Counted = "supported", confidence: float = 0.95, seed: int = 0
    ) -> Interval | None:
        """The true rate behind ``hits`` of ``n`` verdicts (Rogan and Gladen): see ``stats.rogan_gladen``.

        None where the judge says nothing: sensitivity and specificity add up to 1 or less.
        """
        return rogan_gladen(hits, n, self.detector_of(counts), confidence=confidence, seed=seed)

    def prediction_powered(self, judged: Sequence[float], *, confidence: float = 0.95) -> Interval:
        """The mean label behind verdicts P on unlabelled claims, by the labelled ones of this check.

        Right only where the labelled pairs are a random sample of the same claims: see ``tamis label export``.
        """
        known = [(p, label) for _, p, label in self.verdicts if p is not None]
        values = [*judged, *(p for p, _ in known)]
        labels = [*(None for _ in judged), *(float(label) for _, label in known)]
        return prediction_powered(values, labels, confidence=confidence)


def _plain(value: Any) -> Any:
    """Dataclasses and intervals as JSON."""
    if isinstance(value, Interval):
        return value._asdict()
    if hasattr(value, "__dataclass_fields__"):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def _check(cls: type[JudgeCheck], written: Mapping[str, Any]) -> JudgeCheck:
    plain = {one.name: written[one.name] for one in fields(cls)}
    return cls(
        **{
            **plain,
            "coverage": Interval(**plain["coverage"]),
            "detector": None if plain["detector"] is None else Detector(**plain["detector"]),
            "accuracy": _accuracy(plain["accuracy"]),
            "by_length": {name: _accuracy(one) for name, one in plain["by_length"].items()},
            "calibration": None if plain["calibration"] is None else Calibration(**plain["calibration"]),
            "order": _stability(plain["order"]),
            "argument_order": None if plain["argument_order"] is None else _stability(plain["argument_order"]),
            "length": _stability(plain["length"]),
            "self_agreement": _stability(plain["self_agreement"]),
            "twins": {kind: Twins(**{**one, "rate": _interval(one["rate"])}) for kind, one in plain["twins"].items()},
            "verdicts": tuple((str(id), p, bool(label)) for id, p, label in plain["verdicts"]),
        }
    )


def _interval(written: Mapping[str, Any] | None) -> Interval | None:
    return None if written is None else Interval(**written)


def _accuracy(written: Mapping[str, Any]) -> Accuracy:
    return Accuracy(**{name: _interval(one) for name, one in written.items()})


def _stability(written: Mapping[str, Any]) -> Stability:
    return Stability(**{**written, "rate": _interval(written["rate"])})
