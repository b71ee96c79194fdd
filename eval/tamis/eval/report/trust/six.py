"""What a run says of trust: a row for each dimension, what stands behind it, and what nobody measured."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ...outcome import Scored
from ...run.record import Record
from ...stats import Interval
from ...trust.conflict import CONTEXT_OF
from ...trust.conflict_rates import ConflictTable, conflict_table
from ...trust.detection import Detection, per_group
from ...trust.dimensions import DIMENSIONS, Dimension
from ...trust.impact import Line, checklist
from ...trust.pairs import Pairing, pairs_of, tally
from ...trust.selective import Selective, selective_answering
from ...variant import Variant
from ..answers import FLIPS
from ..report import Estimate, Report

SCHEMA = "tamis-trust/1"
_COST = ("cost", "joules", "completion_tokens", "prompt_tokens", "latency_s")
_BIAS = ("bbq_s_dis", "bbq_s_amb", "bbq_accuracy", "bbq_accuracy_aligned", "bbq_accuracy_not_aligned")
_KEPT = 2_000


@dataclass(frozen=True)
class Standing:
    """One dimension: pairs of a question under test and its clean twin, and the figures behind them.

    ``held``, ``helped`` and ``both`` are rates over judged pairs with intervals, None where there are none, and then
    ``reason`` says why. ``both`` is how often one question had the two together. Nothing here is a mean of dimensions.
    """

    name: str
    asks: str
    counts: Mapping[Pairing, int]
    held: Interval | None
    helped: Interval | None
    both: Interval | None
    estimates: tuple[Estimate, ...]
    reason: str = ""

    @property
    def is_measured(self) -> bool:
        """Whether a pair was judged."""
        return self.both is not None


@dataclass(frozen=True)
class Trust:
    """Six dimensions side by side, never summed, and what else a reader must know to trust them.

    ``objects`` counts yes-or-no questions by their kind, "yes" the positive class. ``conflict`` is None where the suite
    tries no conflict, ``selective`` counts no answers where the pipeline gave no confidence. ``timed`` is what clocks
    and meters gave; the joules of a meter are there.
    """

    suite: str
    target: str
    data: str
    confidence: float
    dimensions: tuple[Standing, ...]
    bias: tuple[Estimate, ...]
    objects: Mapping[str, Detection]
    conflict: ConflictTable | None
    selective: Selective
    cost: tuple[Estimate, ...]
    timed: tuple[Estimate, ...]
    impact: tuple[Line, ...]

    @property
    def is_measured(self) -> bool:
        """Whether there is anything to show: a dimension, a conflict, groups of people, or objects in pictures."""
        conflict = self.conflict is not None and any(row.rate is not None for row in self.conflict.rows)
        return conflict or bool(self.bias or self.objects) or any(one.is_measured for one in self.dimensions)

    @property
    def not_measured(self) -> tuple[str, ...]:
        """Dimensions and lines of the checklist that nothing was measured of."""
        dimensions = (one.name for one in self.dimensions if not one.is_measured)
        return tuple(dict.fromkeys([*dimensions, *(line.name for line in self.impact if not line.measured)]))

    def to_json(self) -> dict[str, Any]:
        """As strict JSON holds it, "schema" first; intervals by their names; nothing that a clock gave."""
        written: dict[str, Any] = _plain(asdict(replace(self, timed=())))
        del written["timed"]
        for one, kept in zip(written["impact"], self.impact, strict=True):
            one["measured"] = kept.measured
        return {"schema": SCHEMA, **written, "not_measured": list(self.not_measured)}


def trust_of(report: Report, records: Iterable[Record], timings: Report | None = None) -> Trust:
    """What a run's report and its records, in any order, say of trust.

    Of each record its outcomes and the first 2,000 characters of its answer are held.
    """
    held = [_slim(record) for record in records]
    level = report.run.confidence
    scored = [one.figure for one in report.estimates if one.scored]
    scored += [one.figure for one in timings.estimates if one.scored] if timings else []
    measured = list(dict.fromkeys(scored))
    attacks = {one.attack for one in report.variants}
    compared = {Variant.of(one.variant).attack for one in report.estimates if one.figure == FLIPS and one.scored}
    tries_conflict = any(one in CONTEXT_OF for one in attacks) and "context_adherence" in report.figures
    return Trust(
        report.run.suite,
        report.run.target,
        report.run.data.name,
        level,
        tuple(_standing(report, held, one) for one in DIMENSIONS),
        tuple(one for one in report.estimates if one.scored and _is_of_groups(one)),
        _objects(held),
        conflict_table(held, confidence=level) if tries_conflict else None,
        selective_answering(held),
        _costs(report),
        _costs(timings) if timings else (),
        tuple(checklist(measured, compared)),
    )


def _standing(report: Report, records: list[Record], dimension: Dimension) -> Standing:
    pairs = pairs_of(records, dimension)
    found = tally(pairs, confidence=report.run.confidence)
    return Standing(
        dimension.name,
        dimension.asks,
        found.counts,
        found.held,
        found.helped,
        found.both,
        tuple(_estimates(report, dimension)),
        "" if found.both is not None else _why(report, dimension, len(pairs)),
    )


def _estimates(report: Report, dimension: Dimension) -> Iterator[Estimate]:
    """Those of the figures behind a dimension: under its attacks what must hold, clean what helps."""
    tested = {one.key for one in report.variants if (one.attack or "clean") in dimension.under and not one.control}
    wanted = {(one.figure, key) for one in dimension.holds for key in tested}
    wanted |= {(one.figure, "clean") for one in dimension.helps}
    return (one for one in report.estimates if (one.figure, one.variant) in wanted and one.scored + one.unscored)


def _is_of_groups(one: Estimate) -> bool:
    is_swapped = one.figure == "flips" and one.variant.startswith("group-swap@")
    return one.figure in _BIAS or one.figure.startswith("group_exposure_gap") or is_swapped


def _costs(report: Report) -> tuple[Estimate, ...]:
    return tuple(one for one in report.estimates if one.figure in _COST and one.variant == "clean" and one.scored)


def _why(report: Report, dimension: Dimension, pairs: int) -> str:
    attacks = {one.attack or "clean" for one in report.variants}
    if not attacks & set(dimension.under):
        return f"the suite tries none of {', '.join(dimension.under)}"
    if missing := [one.figure for one in dimension.holds if one.figure not in report.figures]:
        return f"the suite does not measure {', '.join(missing)}"
    return "no pair could be judged" if pairs else "no case has what it takes (see why figures are not scored)"


def _objects(records: list[Record]) -> dict[str, Detection]:
    """Yes-or-no questions of the clean run: what was said against what is right, by the case's first tag."""
    labels: list[bool] = []
    said: list[bool | None] = []
    kinds: list[str] = []
    for record in sorted(records, key=lambda one: one.number):
        yes, correct = record.outcomes.get("said_yes"), record.outcomes.get("yes_no_correct")
        if record.variant.attack or not isinstance(yes, Scored) or not isinstance(correct, Scored):
            continue
        labels.append((yes.value == 1) == (correct.value == 1))
        said.append(yes.value == 1)
        kinds.append(record.tags[0] if record.tags else "all")
    return {str(kind): found for kind, found in per_group(labels, said, kinds).items()}


def _slim(record: Record) -> Record:
    answer = record.answer
    return replace(record, evidence={}, timings={}, answer=None if answer is None else answer[:_KEPT])


def _plain(value: Any) -> Any:
    """Named tuples as objects, all else as it is."""
    if hasattr(value, "_asdict"):
        return {name: _plain(one) for name, one in value._asdict().items()}
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
