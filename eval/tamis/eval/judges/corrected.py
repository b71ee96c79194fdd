"""The rates of a run that a judge counted, corrected by the check of that judge."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tamis.core.errors import BadInput

from ..report.report import Report
from ..stats import Interval
from .checked import Counts, JudgeCheck


class Corrected(NamedTuple):
    """A rate as the judge counted it, and as it truly is likely to be; None where the judge says nothing."""

    figure: str
    variant: str
    raw: float
    n: int
    corrected: Interval | None


def corrected_rates(
    report: Report, checks: Mapping[str, str | Path | JudgeCheck], *, counts: Counts
) -> list[Corrected]:
    """The corrected rate of each figure and variant that a check is named for.

    ``checks`` maps a figure's name to the file of the check of the judge that counted it; ``counts`` says whether the
    figure is the rate of "supported" or of "unsupported" claims. Raises BadInput for a missing file, for a figure that
    the report lacks, and for one that is no rate.
    """
    rows: list[Corrected] = []
    for figure, given in checks.items():
        check = given if isinstance(given, JudgeCheck) else JudgeCheck.read(given)
        if figure not in report.figures:
            raise BadInput(f'the report has no figure "{figure}"; it has: {", ".join(sorted(report.figures))}')
        if not report.figures[figure].is_rate:
            raise BadInput(f'"{figure}" is no rate of yes and no, so the errors of a judge do not correct it')
        for one in report.estimates:
            if one.figure == figure and one.mean is not None and one.scored:
                found = check.corrected(
                    round(one.mean * one.scored),
                    one.scored,
                    counts=counts,
                    confidence=report.run.confidence,
                    seed=report.run.seed,
                )
                rows.append(Corrected(figure, one.variant, one.mean, one.scored, found))
    return rows
