"""How wrong judges are: checks against labels and near-negatives, corrections, and samples for people to label."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .accuracy import Accuracy
    from .check import check_judge
    from .checked import JudgeCheck
    from .corrected import corrected_rates
    from .correction import Correction
    from .labels import LABEL_CONFIG, export_labels, import_labels, labelled, sample_pairs
    from .near_negatives import KINDS, NearNegative, near_negative
    from .pairs import Pair, read_pairs, write_pairs
    from .probes import Stability, Twins, twins
    from .run_claims import RunClaims, claims_of_run

_HOME = {
    name: home
    for home, names in {
        "accuracy": ("Accuracy",),
        "check": ("check_judge",),
        "checked": ("JudgeCheck",),
        "corrected": ("corrected_rates",),
        "correction": ("Correction",),
        "labels": ("LABEL_CONFIG", "export_labels", "import_labels", "labelled", "sample_pairs"),
        "near_negatives": ("KINDS", "NearNegative", "near_negative"),
        "pairs": ("Pair", "read_pairs", "write_pairs"),
        "probes": ("Stability", "Twins", "twins"),
        "run_claims": ("RunClaims", "claims_of_run"),
    }.items()
    for name in names
}

__all__ = [
    "KINDS",
    "LABEL_CONFIG",
    "Accuracy",
    "Correction",
    "JudgeCheck",
    "NearNegative",
    "Pair",
    "RunClaims",
    "Stability",
    "Twins",
    "check_judge",
    "claims_of_run",
    "corrected_rates",
    "export_labels",
    "import_labels",
    "labelled",
    "near_negative",
    "read_pairs",
    "sample_pairs",
    "twins",
    "write_pairs",
]


def __getattr__(name: str) -> Any:
    # numpy and scipy are loaded by whoever computes, not by whoever lists what is here.
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
