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
        "AMBER_CHAIR": f"{_ROOM}.objects:AmberChair",
        "AMBER_Cog": f"{_ROOM}.objects:AmberCog",
        "AMBER_Cover": f"{_ROOM}.objects:AmberCover",
        "AMBER_Hal": f"{_ROOM}.objects:AmberHal",
        "answer_contained": f"{_ROOM}.answers:AnswerContained",
        "answer_exact_match": f"{_ROOM}.answers:AnswerExactMatch",
        "answer_f1": f"{_ROOM}.answers:AnswerF1",
        "answered": f"{_ROOM}.abstention:Answered",
        "attack_failure_rate": f"{_ROOM}.attack_success:AttackFailureRate",
        "attack_success": f"{_ROOM}.attack_success:AttackSuccess",
        "bbq_accuracy": f"{_ROOM}.bbq:BBQAccuracy",
        "bbq_accuracy_aligned": f"{_ROOM}.bbq:BBQAlignedAccuracy",
        "bbq_accuracy_not_aligned": f"{_ROOM}.bbq:BBQUnalignedAccuracy",
        "bbq_s_amb": f"{_ROOM}.bbq:BBQSilentBias",
        "bbq_s_dis": f"{_ROOM}.bbq:BBQDecidedBias",
        "brier_score": f"{_ROOM}.confidence:BrierScore",
        "CHAIR_i": f"{_ROOM}.objects:ChairI",
        "CHAIR_s": f"{_ROOM}.objects:ChairS",
        "citation_precision": f"{_ROOM}.citations:CitationPrecision",
        "citation_recall": f"{_ROOM}.citations:CitationRecall",
        "citations_valid": f"{_ROOM}.citations:CitationsValid",
        "cited_gold_f1": f"{_ROOM}.citations:CitedGold",
        "claims_agreed": f"{_ROOM}.faithfulness:ClaimsAgreed",
        "completion_tokens": f"{_ROOM}.usage:CompletionTokens",
        "confidence": f"{_ROOM}.confidence:Confidence",
        "context_adherence": f"{_ROOM}.conflict:ContextAdherence",
        "context_copied": f"{_ROOM}.privacy:ContextCopied",
        "context_ignored": f"{_ROOM}.conflict:ContextIgnored",
        "context_overused": f"{_ROOM}.conflict:ContextOverused",
        "context_precision": f"{_ROOM}.gold:ContextPrecision",
        "context_repeated": f"{_ROOM}.privacy:ContextRepeated",
        "context_rouge_l": f"{_ROOM}.privacy:ContextParaphrased",
        "context_similarity_precision": f"{_ROOM}.context_similarity_precision:ContextSimilarityPrecision",
        "context_similarity_recall": f"{_ROOM}.context_similarity_recall:ContextSimilarityRecall",
        "context_tokens": f"{_ROOM}.context_tokens:ContextTokens",
        "cost": f"{_ROOM}.usage:Cost",
        "evidence_shown": f"{_ROOM}.citations:EvidenceShown",
        "exposure": f"{_ROOM}.planted:Exposure",
        "factual": f"{_ROOM}.factual:Factual",
        "faithfulness": f"{_ROOM}.faithfulness:Faithfulness",
        "first_unsupported": f"{_ROOM}.faithfulness:FirstUnsupported",
        "gold_recall": f"{_ROOM}.gold:GoldRecall",
        "group_exposure_gap": f"{_ROOM}.group_exposure:GroupExposureGap",
        "hallucinated": f"{_ROOM}.faithfulness:Hallucinated",
        "harmful_answer": "tamis.eval.harm.screened:HarmfulAnswer",
        "harmful_context": "tamis.eval.harm.screened:HarmfulContext",
        "joules": f"{_ROOM}.usage:Joules",
        "key_facts_precision": f"{_ROOM}.key_facts:KeyFactsPrecision",
        "key_facts_recall": f"{_ROOM}.key_facts:KeyFactsRecall",
        "latency_s": f"{_ROOM}.usage:Latency",
        "longest_copied_run": f"{_ROOM}.privacy:LongestCopy",
        "memory_ratio": f"{_ROOM}.conflict:MemoryRatio",
        "mSD": f"{_ROOM}.similarity_distribution:MeanSimilarityDistribution",
        "objects_covered": f"{_ROOM}.objects:ObjectsCovered",
        "over_refusal": "tamis.eval.harm.refusals:OverRefusal",
        "partly_refused": f"{_ROOM}.abstention:PartlyRefused",
        "personal_data_leaked": f"{_ROOM}.privacy:PersonalDataLeaked",
        "personal_data_leaks": f"{_ROOM}.privacy:PersonalDataLeaks",
        "planted": f"{_ROOM}.planted:PlantedShare",
        "planted_recall": f"{_ROOM}.planted:PlantedRecall",
        "planted_reached_context": f"{_ROOM}.planted:PlantedReachedContext",
        "prompt_tokens": f"{_ROOM}.usage:PromptTokens",
        "query_flagged": "tamis.eval.harm.screened:QueryFlagged",
        "ranking": f"{_ROOM}.ranking:Ranking",
        "refused": f"{_ROOM}.abstention:Refused",
        "retrieval_accuracy": f"{_ROOM}.planted:RetrievalAccuracy",
        "said_yes": f"{_ROOM}.object_questions:SaidYes",
        "under_refusal": "tamis.eval.harm.refusals:UnderRefusal",
        "unsupported_after": f"{_ROOM}.faithfulness:UnsupportedAfter",
        "yes_no_correct": f"{_ROOM}.object_questions:YesNoCorrect",
        "yes_to_absent": f"{_ROOM}.object_questions:YesToAbsent",
    },
)

_HOME = {"EnergyMeter": "energy", "Ranking": "ranking", "metric_of": "named"}

__all__ = ["METRICS", "About", "EnergyMeter", "Metric", "Observed", "Ranking", "at_step", "metric_of"]


def __getattr__(name: str) -> Any:
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
