"""From records to a report: estimates, paired differences, verdicts, gates. The same records give the same report."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ..run.record import Record
from .columns import Columns, Table
from .gates import Operand, check, parse
from .planned import Planned
from .report import CorrectedRate, Counts, Difference, Estimate, Report, VariantInfo

if TYPE_CHECKING:
    from .measured import Measured, Pair


class Summary(NamedTuple):
    """What the seed decides, and apart from it what clocks and meters gave."""

    report: Report
    timings: Report

    @property
    def passed(self) -> bool:
        """Whether every gate of both passed."""
        return self.report.passed and self.timings.passed


def summarise(records: Iterable[Record], planned: Planned) -> Summary:
    """The report of these records, in whatever order they come, each case and variant once.

    Memory: 8 bytes for each figure, variant and case. Raises BadInput for records of another plan.
    """
    return summary_of(Columns.of(records, planned))


def summary_of(columns: Columns) -> Summary:
    """The report of what was gathered."""
    timed = [gate for gate in columns.planned.gates if parse(gate).operand.figure in columns.timings.figures]
    fixed = [gate for gate in columns.planned.gates if gate not in timed]
    return Summary(_report(columns, columns.outcomes, fixed), _report(columns, columns.timings, timed))


def _report(columns: Columns, table: Table, gates: Sequence[str]) -> Report:
    from .measured import Measured

    measured = Measured(columns, table)
    planned = columns.planned
    estimates = tuple(
        _estimate(measured, figure, one.key)
        for figure in measured.figures
        for one in planned.variants
        if table.get(figure, one.key) is not None
    )
    return Report(
        run=planned.run,
        figures=measured.figures,
        variants=tuple(_variant(columns, one) for one in planned.variants),
        estimates=estimates,
        differences=tuple(found for figure in measured.figures for found in _differences(measured, figure)),
        gates=tuple(check(gate, measured) for gate in gates),
        counts=Counts(
            cases=columns.cases,
            records=sum(columns.records.values()),
            failed=columns.failed,
            not_applicable=sum(reasons.total for reasons in columns.not_applicable.values()),
            expected=planned.run.data.cases * len(planned.variants),
        ),
        corrections=_corrections(planned, estimates),
    )


def _corrections(planned: Planned, estimates: Sequence[Estimate]) -> tuple[CorrectedRate, ...]:
    if not planned.corrections:
        return ()
    from ..judges.corrected import corrected
    from ..judges.correction import Correction

    known = [Correction.of(one) for one in planned.corrections]
    return tuple(corrected(estimates, known, confidence=planned.run.confidence, seed=planned.run.seed))


def _variant(columns: Columns, planned: VariantInfo) -> VariantInfo:
    return replace(
        planned,
        realised=_realised(columns, planned),
        records=columns.records[planned.key],
        not_applicable=columns.not_applicable[planned.key].most(),
    )


def _realised(columns: Columns, variant: VariantInfo) -> float | None:
    from .measured import scored

    column = columns.realised.get("", variant.key)
    return float(scored(column)[1].mean()) if column else None


def _estimate(measured: "Measured", figure: str, variant: str) -> Estimate:
    column = measured.column(figure, variant)
    found = measured.interval(figure, variant)
    mean, low, high = found[:3] if found else (None, None, None)
    return Estimate(
        figure, variant, column.scored, column.unscored, column.failed, mean, low, high, column.reasons.most()
    )


class _Taken(NamedTuple):
    variant: VariantInfo
    baseline: str
    pair: "Pair"
    p: float | None


def _differences(measured: "Measured", figure: str) -> list[Difference]:
    """A figure's differences: attacks to clean, controls to clean, attacks to their controls.

    Holm's correction is over all that are of one of these three kinds, whatever their attack and strength.
    """
    from ..stats import holm
    from .measured import compared

    taken = [
        _taken(measured, figure, variant, baseline)
        for variant, baseline in compared(measured.columns.planned.variants)
        if measured.table.get(figure, variant.key) is not None and measured.table.get(figure, baseline) is not None
    ]
    corrected: dict[int, float] = {}
    for kind in dict.fromkeys(map(_kind, taken)):
        family = [place for place, one in enumerate(taken) if _kind(one) == kind and one.p is not None]
        p_values = [one for place in family if (one := taken[place].p) is not None]
        corrected |= dict(zip(family, holm(p_values), strict=True))
    return [_difference(measured, figure, one, corrected.get(place)) for place, one in enumerate(taken)]


def _kind(taken: _Taken) -> tuple[bool, bool]:
    return taken.variant.control, taken.baseline == "clean"


def _taken(measured: "Measured", figure: str, variant: VariantInfo, baseline: str) -> _Taken:
    from .measured import p_value

    pair = measured.pair(Operand(figure, variant.key), Operand(figure, baseline))
    if len(pair.a) < 2:
        return _Taken(variant, baseline, pair, None)
    clusters = measured.clusters(pair.numbers)
    return _Taken(
        variant, baseline, pair, p_value(pair, clusters, measured.figures[figure].is_rate, seed=measured.seed)
    )


def _difference(measured: "Measured", figure: str, taken: _Taken, p_holm: float | None) -> Difference:
    from ..stats import Interval
    from .measured import difference, judged, smallest_detectable

    about, pair, n = measured.figures[figure], taken.pair, len(taken.pair.a)
    clusters = measured.clusters(pair.numbers)
    found = Interval(0.0, None, None, 0)
    if n:
        kind = measured.kind(figure)
        found = difference(pair, clusters, kind, confidence=measured.confidence, seed=measured.seed)
    return Difference(
        figure=figure,
        variant=taken.variant.key,
        baseline=taken.baseline,
        n=n,
        mean=found.mean if n else None,
        low=found.low,
        high=found.high,
        p=taken.p,
        p_holm=p_holm,
        smallest_detectable=smallest_detectable(pair, clusters, measured.confidence),
        verdict=judged(pair, clusters, found, p_holm, about, measured.confidence),
        worst=measured.worst(pair, about.higher_is_better),
    )
