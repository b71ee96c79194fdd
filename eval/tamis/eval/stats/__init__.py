"""How sure a number is: intervals, tests, corrections for imperfect judges, calibration, and the verdict."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agreement import cohen_kappa, krippendorff_alpha
    from .alike import alike_interval, all_alike
    from .bootstrap import mean_interval, paired_difference
    from .calibration import (
        area_under_risk_coverage,
        brier_score,
        coverage_at_risk,
        excess_area_under_risk_coverage,
        expected_calibration_error,
        risk_at_coverage,
    )
    from .detector import Detector, rogan_gladen, rogan_gladen_of
    from .interval import Interval
    from .power import Spread, smallest_detectable_difference, spread_of
    from .prediction import prediction_powered, prediction_powered_rate
    from .randomisation import paired_p_value
    from .rates import clustered_rate_interval, paired_rate_difference, rate_interval, wilson_interval
    from .residual import residual_risk
    from .significance import exact_mcnemar, holm, one_sided_mcnemar
    from .verdicts import BoundVerdict, Verdict, bound_holds, verdict

_HOME = {
    name: home
    for home, names in {
        "agreement": ("cohen_kappa", "krippendorff_alpha"),
        "alike": ("alike_interval", "all_alike"),
        "bootstrap": ("mean_interval", "paired_difference"),
        "calibration": (
            "area_under_risk_coverage",
            "brier_score",
            "coverage_at_risk",
            "excess_area_under_risk_coverage",
            "expected_calibration_error",
            "risk_at_coverage",
        ),
        "detector": ("Detector", "rogan_gladen", "rogan_gladen_of"),
        "interval": ("Interval",),
        "power": ("Spread", "smallest_detectable_difference", "spread_of"),
        "prediction": ("prediction_powered", "prediction_powered_rate"),
        "randomisation": ("paired_p_value",),
        "rates": ("clustered_rate_interval", "paired_rate_difference", "rate_interval", "wilson_interval"),
        "residual": ("residual_risk",),
        "significance": ("exact_mcnemar", "holm", "one_sided_mcnemar"),
        "verdicts": ("BoundVerdict", "Verdict", "bound_holds", "verdict"),
    }.items()
    for name in names
}

__all__ = [
    "BoundVerdict",
    "Detector",
    "Interval",
    "Spread",
    "Verdict",
    "alike_interval",
    "all_alike",
    "area_under_risk_coverage",
    "bound_holds",
    "brier_score",
    "clustered_rate_interval",
    "cohen_kappa",
    "coverage_at_risk",
    "exact_mcnemar",
    "excess_area_under_risk_coverage",
    "expected_calibration_error",
    "holm",
    "krippendorff_alpha",
    "mean_interval",
    "one_sided_mcnemar",
    "paired_difference",
    "paired_p_value",
    "paired_rate_difference",
    "prediction_powered",
    "prediction_powered_rate",
    "rate_interval",
    "residual_risk",
    "risk_at_coverage",
    "rogan_gladen",
    "rogan_gladen_of",
    "smallest_detectable_difference",
    "spread_of",
    "verdict",
    "wilson_interval",
]


def __getattr__(name: str) -> Any:
    # numpy and scipy are loaded by whoever computes, not by whoever lists what is here.
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
