"""The rates of a run that a judge counted, corrected by the check of that judge."""

from collections.abc import Mapping, Sequence
from typing import Any

from tamis.core.errors import BadInput

from ..report.report import CorrectedRate, Estimate, Report
from .correction import Correction


def corrected_rates(report: Report, checks: Mapping[str, Any]) -> list[CorrectedRate]:
    """The corrected rate of each figure and variant that a check is named for.

    ``checks`` maps a figure's name to the file of the check of the judge that counted it, to a JudgeCheck, or to a
    table: ``{"check": FILE, "method": "prediction-powered", "counts": "unsupported"}``. The method is Rogan's and
    Gladen's (1978) unless it says otherwise: right as far as the judge errs on this run's claims as it did on the
    pairs. "prediction-powered" is for pairs that were drawn at random from the claims of this very run.

    Raises BadInput for a missing file, for the check of another judge, for a figure that the report lacks, and for one
    that is no share that a judge counts.
    """
    corrections = []
    for figure, given in checks.items():
        if figure not in report.figures:
            raise BadInput(f'the report has no figure "{figure}"; it has: {", ".join(sorted(report.figures))}')
        corrections.append(Correction.read(figure, given, report.figures[figure]))
    return corrected(report.estimates, corrections, confidence=report.run.confidence, seed=report.run.seed)


def corrected(
    estimates: Sequence[Estimate], corrections: Sequence[Correction], *, confidence: float, seed: int
) -> list[CorrectedRate]:
    """The corrected rate of each estimate with a mean that there is a correction for, in their order."""
    return [
        found
        for correction in corrections
        for one in estimates
        if one.figure == correction.figure
        and (found := correction.corrected(one, confidence=confidence, seed=seed)) is not None
    ]
