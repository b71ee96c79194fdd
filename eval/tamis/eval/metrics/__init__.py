"""What is measured of a run, one metric a file: retrieval at each step, answers, robustness, what it cost.

A metric is found by its name (``metric_of("nDCG@10")``); somebody else's is one entry point in "tamis.metrics".
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tamis.core.registry import Registry

from .metric import About, Metric, Observed, at_step

if TYPE_CHECKING:
    from .energy import EnergyMeter
    from .named import metric_of
    from .ranking import Ranking

_ROOM = "tamis.eval.metrics"

METRICS = Registry[Metric](
    "metric",
    "tamis.metrics",
    {
        "abstained": f"{_ROOM}.abstention:Abstained",
        "abstention_correct": f"{_ROOM}.abstention:AbstentionCorrect",
        "answer_contained": f"{_ROOM}.answers:AnswerContained",
        "answer_exact_match": f"{_ROOM}.answers:AnswerExactMatch",
        "answer_f1": f"{_ROOM}.answers:AnswerF1",
        "answered": f"{_ROOM}.abstention:Answered",
        "attack_failure_rate": f"{_ROOM}.attack_success:AttackFailureRate",
        "attack_success": f"{_ROOM}.attack_success:AttackSuccess",
        "completion_tokens": f"{_ROOM}.usage:CompletionTokens",
        "context_precision": f"{_ROOM}.gold:ContextPrecision",
        "context_tokens": f"{_ROOM}.context_tokens:ContextTokens",
        "cost": f"{_ROOM}.usage:Cost",
        "exposure": f"{_ROOM}.planted:Exposure",
        "gold_recall": f"{_ROOM}.gold:GoldRecall",
        "joules": f"{_ROOM}.usage:Joules",
        "latency_s": f"{_ROOM}.usage:Latency",
        "mSD": f"{_ROOM}.similarity_distribution:MeanSimilarityDistribution",
        "partly_refused": f"{_ROOM}.abstention:PartlyRefused",
        "planted": f"{_ROOM}.planted:PlantedShare",
        "planted_reached_context": f"{_ROOM}.planted:PlantedReachedContext",
        "prompt_tokens": f"{_ROOM}.usage:PromptTokens",
        "ranking": f"{_ROOM}.ranking:Ranking",
        "refused": f"{_ROOM}.abstention:Refused",
        "retrieval_accuracy": f"{_ROOM}.planted:RetrievalAccuracy",
    },
)

_HOME = {"EnergyMeter": "energy", "Ranking": "ranking", "metric_of": "named"}

__all__ = ["METRICS", "About", "EnergyMeter", "Metric", "Observed", "Ranking", "at_step", "metric_of"]


def __getattr__(name: str) -> Any:
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
