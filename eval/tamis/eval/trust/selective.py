"""What confidence is worth: calibration of a run's answers, and what answering less would gain."""

from collections.abc import Iterable
from typing import NamedTuple

from ..outcome import Scored
from ..run.record import Record
from ..stats import (
    area_under_risk_coverage,
    brier_score,
    coverage_at_risk,
    excess_area_under_risk_coverage,
    expected_calibration_error,
    risk_at_coverage,
)


class Selective(NamedTuple):
    """Figures over ``n`` answers with a confidence and a verdict; ``left_out`` had one of the two missing.

    ``ece`` over 15 bins of equal width, ``ece_mass`` over bins with as many answers each. ``aurc`` is the mean form
    and ``excess_aurc`` that less the best order's. ``risk_at_half``: errors among the surer half.
    ``coverage_at_tenth``: how much can be answered with a tenth of errors at most. In [0, 1]; None over no answers.
    """

    n: int
    left_out: int
    ece: float | None = None
    ece_mass: float | None = None
    brier: float | None = None
    aurc: float | None = None
    excess_aurc: float | None = None
    risk_at_half: float | None = None
    coverage_at_tenth: float | None = None


def selective_answering(
    records: Iterable[Record],
    *,
    confidence: str = "confidence",
    correct: str = "answer_contained",
    variant: str = "clean",
) -> Selective:
    """Calibration and selective answering of one variant of a run, from two of its figures.

    ``confidence`` is a figure in [0, 1], ``correct`` one of 0 and 1. Records may come in any order.
    """
    pairs: dict[int, tuple[float, bool]] = {}
    left_out = 0
    for record in records:
        if record.variant.key != variant:
            continue
        sure, right = record.outcomes.get(confidence), record.outcomes.get(correct)
        if isinstance(sure, Scored) and isinstance(right, Scored):
            pairs[record.number] = (sure.value, right.value >= 0.5)
        else:
            left_out += 1
    if not pairs:
        return Selective(0, left_out)
    ordered = [pairs[number] for number in sorted(pairs)]
    confidences, correctness = [sure for sure, _ in ordered], [right for _, right in ordered]
    return Selective(
        len(ordered),
        left_out,
        expected_calibration_error(confidences, correctness),
        expected_calibration_error(confidences, correctness, binning="mass"),
        brier_score(confidences, correctness),
        area_under_risk_coverage(confidences, correctness),
        excess_area_under_risk_coverage(confidences, correctness),
        risk_at_coverage(confidences, correctness, 0.5),
        coverage_at_risk(confidences, correctness, 0.1),
    )
