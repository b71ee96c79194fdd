"""What a run showed, as data: ``report.json`` and the object that every other form of the report is made from.

``report.json`` is strict JSON (no NaN), in UTF-8, and the same bytes for the same seed, data, suite and target: nothing
in it comes from a clock. Its schema, "tamis-report/1":

    schema        "tamis-report/1"
    run           suite, target: names; seed; confidence, in (0, 1); tamis: the version;
                  data: name, sha256 of the file or folder, cases: how many were to be run
    figures       by name: is_rate, higher_is_better (null: no direction), unit; judge: the name of the judge that
                  counted it, and counts: which claims, for a share of claims; otherwise "" and null
    variants      in the suite's order, clean first: key, attack, strength, control, goal, source, unit; realised: the
                  mean strength that was reached, null where nothing was run; records: how many there are;
                  not_applicable: why the attack could not be made on a case as it is specified, and on how many
    estimates     for each figure and variant: scored, unscored, failed: how many items (unscored: also where an attack
                  was not applicable); mean, low, high over the scored (null where none; the ends also where items
                  say nothing of their spread: one item, one group, all the same and no share in [0, 1]);
                  reasons: why items were not scored, and how often
    differences   for each figure, variant and baseline: the variant minus the baseline over the n items scored on both
                  sides; mean, low, high: null as above; p (exact McNemar for rates, else the paired randomisation
                  test's) and p_holm, corrected over the attacks of a figure; smallest_detectable: what n items could
                  have shown with 80% power;
                  verdict; worst: the cases that lost the most, worst first. Where a figure has no scored clean item,
                  the difference to the control is the one that counts
    corrections   for each figure with a check of its judge, and each variant: raw, raw_low, raw_high: as the judge
                  counted it, over n items; mean, low, high: corrected for its errors, null where the check does not
                  say; reason: why not; method, counts, judge; check, sha256: the check's file; sensitivity,
                  specificity: of the judge for what it counts, over labelled pairs
    gates         gate: its text; verdict: "pass", "fail" or "not enough data"; value, low, high, n; reason
    counts        cases: that have a record; records; failed: records without a trace, but for those counted as
                  not_applicable; expected: records of a finished run, null where that is not known; not_applicable:
                  records in which the attack could not be made on the case

``timings.json`` has the same shape for what clocks and meters gave.
"""

import types
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from tamis.core.errors import BadInput

from ..metrics.metric import Counted
from .neutral import json_text

SCHEMA = "tamis-report/1"
Verdict = Literal["better", "worse", "indistinguishable", "not enough data"]
GateVerdict = Literal["pass", "fail", "not enough data"]
Method = Literal["rogan-gladen", "prediction-powered"]
"""How a rate is corrected: by the judge's sensitivity and specificity, or by labels of a sample of the run's claims."""
T = TypeVar("T")


@dataclass(frozen=True)
class DataInfo:
    """The data that were asked: ``cases`` is how many there are, ``sha256`` that of their bytes."""

    name: str
    sha256: str
    cases: int


@dataclass(frozen=True)
class RunInfo:
    """What was run on what; ``confidence`` is that of every interval, in (0, 1)."""

    suite: str
    target: str
    data: DataInfo
    seed: int
    confidence: float
    tamis: str


@dataclass(frozen=True)
class FigureInfo:
    """What a figure means: values of 0 and 1 alone or not, its direction (None: neither is better), its unit.

    ``judge`` is the name of the judge that counted it and ``counts`` which claims, where it is a share of claims.
    """

    is_rate: bool
    higher_is_better: bool | None
    unit: str = ""
    judge: str = ""
    counts: Counted | None = None

    @classmethod
    def of(cls, meaning: Mapping[str, Any]) -> "FigureInfo":
        """From what ``meaning_of`` gave for the figure's metric. Raises KeyError for what is none."""
        return cls(
            meaning["is_rate"],
            meaning["higher_is_better"],
            meaning.get("unit", ""),
            meaning.get("judge", ""),
            meaning.get("counts"),
        )

    @property
    def is_share(self) -> bool:
        """Whether its values lie in [0, 1], unless one of them says otherwise.

        So it is for a rate and a share of claims, and by convention for what has a direction and no unit: what is
        counted or weighed has a unit, and a bias in [-1, 1] has no direction.
        """
        return self.is_rate or self.counts is not None or (not self.unit and self.higher_is_better is not None)


@dataclass(frozen=True)
class VariantInfo:
    """One condition: ``attack`` is "" for clean; ``realised`` is the mean strength reached, in ``unit``.

    ``not_applicable`` counts, of its ``records``, those in which the attack could not be made, by the reason why.
    """

    key: str
    attack: str
    strength: float
    control: bool
    goal: str = ""
    source: str = ""
    unit: str = ""
    realised: float | None = None
    records: int = 0
    not_applicable: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_applicable(self) -> bool:
        """Whether it could be run on some case; True where nothing was run yet."""
        return not self.records or sum(self.not_applicable.values()) < self.records


@dataclass(frozen=True)
class Estimate:
    """A figure under one variant over the ``scored`` items; mean and ends are None where nothing says them."""

    figure: str
    variant: str
    scored: int
    unscored: int
    failed: int
    mean: float | None
    low: float | None
    high: float | None
    reasons: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """``variant`` minus ``baseline`` over the ``n`` items scored in both, with p-values in [0, 1] and a verdict.

    ``worst`` names up to ten cases that lost, the one that lost most first (that moved most, where no direction is
    better).
    """

    figure: str
    variant: str
    baseline: str
    n: int
    mean: float | None
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    smallest_detectable: float | None
    verdict: Verdict
    worst: tuple[str, ...] = ()


@dataclass(frozen=True)
class CorrectedRate:
    """A rate as its judge counted it (``raw``) and corrected for the judge's errors (``mean``), each with its interval.

    ``mean`` is None where the check says nothing of it, and then ``reason`` says why. ``sensitivity`` and
    ``specificity`` are of the judge as a detector of what it counts, over ``labelled`` pairs of the file ``check``.
    """

    figure: str
    variant: str
    n: int
    raw: float
    raw_low: float | None
    raw_high: float | None
    mean: float | None
    low: float | None
    high: float | None
    method: Method
    counts: Counted
    judge: str
    check: str
    sha256: str
    sensitivity: float
    specificity: float
    labelled: int
    reason: str = ""


@dataclass(frozen=True)
class GateResult:
    """Whether a gate held; ``reason`` says in words what decided."""

    gate: str
    verdict: GateVerdict
    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str = ""


@dataclass(frozen=True)
class Counts:
    """``failed``: records without a trace, but for the ``not_applicable``, in which the case left an attack no place.

    ``expected`` is how many records a finished run has; None where the plan does not say.
    """

    cases: int
    records: int
    failed: int
    expected: int | None = None
    not_applicable: int = 0

    @property
    def is_finished(self) -> bool:
        """Whether every record is there."""
        return self.expected is None or self.records >= self.expected


@dataclass(frozen=True)
class Report:
    """What a run showed. Every sequence is in the plan's order, so that equal runs are equal in their bytes."""

    run: RunInfo
    figures: Mapping[str, FigureInfo]
    variants: tuple[VariantInfo, ...]
    estimates: tuple[Estimate, ...]
    differences: tuple[Difference, ...]
    gates: tuple[GateResult, ...]
    counts: Counts
    corrections: tuple[CorrectedRate, ...] = ()
    schema: str = SCHEMA

    def estimate(self, figure: str, variant: str = "clean") -> Estimate:
        """One estimate. Raises BadInput naming what there is."""
        for one in self.estimates:
            if (one.figure, one.variant) == (figure, variant):
                return one
        raise BadInput(_unknown(figure, variant, self.figures, [one.key for one in self.variants]))

    def difference(self, figure: str, variant: str, baseline: str = "clean") -> Difference | None:
        """One difference; None where it was not taken."""
        for one in self.differences:
            if (one.figure, one.variant, one.baseline) == (figure, variant, baseline):
                return one
        return None

    @property
    def passed(self) -> bool:
        """Whether every gate passed: too little data is not a pass."""
        return all(gate.verdict == "pass" for gate in self.gates)

    def to_json(self) -> dict[str, Any]:
        """The report as strict JSON holds it, "schema" first."""
        written = asdict(self)
        return {"schema": written.pop("schema"), **written}

    def to_bytes(self) -> bytes:
        """The file's bytes; the same report gives the same bytes."""
        return f"{json_text(self.to_json())}\n".encode()

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> "Report":
        """What ``to_json`` wrote. Raises BadInput for another schema and for missing or strange fields."""
        if not isinstance(written, Mapping) or written.get("schema") != SCHEMA:
            raise BadInput(f'this is not a report of the schema "{SCHEMA}"')
        return _read(cls, written, "report")


def _unknown(figure: str, variant: str, figures: Mapping[str, Any], variants: list[str]) -> str:
    if figure not in figures:
        return f'the report has no figure "{figure}"; it has: {", ".join(figures)}'
    return f'the report has no variant "{variant}" of "{figure}"; it has: {", ".join(variants)}'


def _read(kind: type[T], written: Any, where: str) -> T:
    """A dataclass from JSON, by its annotations; a field this version does not know is left out."""
    if not isinstance(written, Mapping):
        raise BadInput(f"{where} must be a JSON object, not {written!r}")
    hints = get_type_hints(kind)
    given = {
        one.name: _value(hints[one.name], written[one.name], f"{where}.{one.name}")
        for one in fields(kind)  # type: ignore[arg-type]
        if one.name in written
    }
    try:
        return kind(**given)
    except TypeError as error:
        raise BadInput(f"{where} is not complete: {error}") from error


def _value(hint: Any, written: Any, where: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return None if written is None else _value(arguments[0], written, where)
    if origin is Literal:
        if written not in arguments:
            raise BadInput(f"{where} is {written!r}; it must be one of {', '.join(arguments)}")
        return written
    if origin is tuple:
        if not isinstance(written, list | tuple):
            raise BadInput(f"{where} must be a list, not {written!r}")
        return tuple(_value(arguments[0], one, f"{where}[{number}]") for number, one in enumerate(written))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(written, Mapping):
            raise BadInput(f"{where} must be a JSON object, not {written!r}")
        return {name: _value(arguments[1], one, f"{where}.{name}") for name, one in written.items()}
    if hint is float and isinstance(written, int) and not isinstance(written, bool):
        return float(written)
    if hint in (str, int, float, bool):
        if not isinstance(written, hint) or (hint is int and isinstance(written, bool)):
            raise BadInput(f"{where} is {written!r}; it must be {hint.__name__}")
        return written
    return _read(hint, written, where)
