"""The laboratory: run any RAG pipeline, attack it, measure it, and say how sure the numbers are."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .attacks import ATTACKS, attack_of
    from .case import Case, Document
    from .datasets import DATASETS, DataSet, check, from_rows, load, write
    from .evaluation import Run, aevaluate, evaluate
    from .judges import JudgeCheck, check_judge, corrected_rates, near_negative, read_pairs
    from .metrics import METRICS, metric_of
    from .outcome import Failed, Outcome, Scored, Unscored
    from .report import Evaluated, Report, compare
    from .stats import Interval, mean_interval, paired_difference, paired_rate_difference, rate_interval
    from .suite import Suite, Trial
    from .target import Request, Target, TargetFactory
    from .targets import target_of
    from .trace import Passage, Step, Trace, Usage
    from .variant import Variant

_HOME = {
    "ATTACKS": "attacks",
    "Case": "case",
    "DATASETS": "datasets",
    "DataSet": "datasets",
    "Document": "case",
    "Evaluated": "report",
    "Failed": "outcome",
    "Interval": "stats",
    "JudgeCheck": "judges",
    "METRICS": "metrics",
    "Outcome": "outcome",
    "Passage": "trace",
    "Report": "report",
    "Request": "target",
    "Run": "evaluation",
    "Scored": "outcome",
    "Step": "trace",
    "Suite": "suite",
    "Target": "target",
    "TargetFactory": "target",
    "Trace": "trace",
    "Trial": "suite",
    "Unscored": "outcome",
    "Usage": "trace",
    "Variant": "variant",
    "aevaluate": "evaluation",
    "attack_of": "attacks",
    "check": "datasets",
    "check_judge": "judges",
    "compare": "report",
    "corrected_rates": "judges",
    "evaluate": "evaluation",
    "from_rows": "datasets",
    "load": "datasets",
    "mean_interval": "stats",
    "metric_of": "metrics",
    "near_negative": "judges",
    "paired_difference": "stats",
    "paired_rate_difference": "stats",
    "rate_interval": "stats",
    "read_pairs": "judges",
    "target_of": "targets",
    "write": "datasets",
}

__all__ = [
    "ATTACKS",
    "DATASETS",
    "METRICS",
    "Case",
    "DataSet",
    "Document",
    "Evaluated",
    "Failed",
    "Interval",
    "JudgeCheck",
    "Outcome",
    "Passage",
    "Report",
    "Request",
    "Run",
    "Scored",
    "Step",
    "Suite",
    "Target",
    "TargetFactory",
    "Trace",
    "Trial",
    "Unscored",
    "Usage",
    "Variant",
    "aevaluate",
    "attack_of",
    "check",
    "check_judge",
    "compare",
    "corrected_rates",
    "evaluate",
    "from_rows",
    "load",
    "mean_interval",
    "metric_of",
    "near_negative",
    "paired_difference",
    "paired_rate_difference",
    "rate_interval",
    "read_pairs",
    "target_of",
    "write",
]


def __getattr__(name: str) -> Any:
    # numpy, scipy and LlamaIndex are loaded by whoever computes, not by whoever lists what is here.
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
