"""After retrieval: how relevant each candidate is, how many of them to keep, and where they stand."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .calibrate import CalibrationReport, Calibrator
    from .cascade.band import Band
    from .cascade.bands import Bands
    from .cascade.budget import Budget
    from .cascade.reranker import CascadeReranker
    from .defend import (
        DEFENCES,
        ChorusEvent,
        ChorusFilter,
        EchoEvent,
        EchoFilter,
        InstructionFilter,
        InstructionsEvent,
    )
    from .duplicates import DuplicateFilter, DuplicatesEvent
    from .exclusion import ExclusionBundle
    from .exclusion_reranker import ExclusionEvent, ExclusionReranker
    from .fused import FusedReranker, FusionEvent
    from .listwise.reasons import Reasons, ReasonsEvent
    from .listwise.sliding import ListwiseReranker
    from .listwise.tournament import TournamentReranker
    from .mllm import MLLMReranker
    from .order import DocumentOrder, EdgesOrder, RankOrder, ReverseOrder
    from .ranker import RankingEvent
    from .reranker import Reranker, RerankOutcomeEvent
    from .select import (
        POLICIES,
        AdaptiveTopK,
        ExpectedF1,
        FixedK,
        LargestGap,
        Policy,
        RecallGuarantee,
        SelectionEvent,
        Threshold,
        ZCut,
    )

_HOME = {
    "AdaptiveTopK": "select",
    "Band": "cascade.band",
    "Bands": "cascade.bands",
    "Budget": "cascade.budget",
    "CalibrationReport": "calibrate",
    "Calibrator": "calibrate",
    "CascadeReranker": "cascade.reranker",
    "ChorusEvent": "defend",
    "ChorusFilter": "defend",
    "DEFENCES": "defend",
    "DocumentOrder": "order",
    "DuplicateFilter": "duplicates",
    "DuplicatesEvent": "duplicates",
    "EchoEvent": "defend",
    "EchoFilter": "defend",
    "EdgesOrder": "order",
    "ExclusionBundle": "exclusion",
    "ExclusionEvent": "exclusion_reranker",
    "ExclusionReranker": "exclusion_reranker",
    "ExpectedF1": "select",
    "FixedK": "select",
    "FusedReranker": "fused",
    "FusionEvent": "fused",
    "InstructionFilter": "defend",
    "InstructionsEvent": "defend",
    "LargestGap": "select",
    "ListwiseReranker": "listwise.sliding",
    "MLLMReranker": "mllm",
    "POLICIES": "select",
    "Policy": "select",
    "RankOrder": "order",
    "RankingEvent": "ranker",
    "Reasons": "listwise.reasons",
    "ReasonsEvent": "listwise.reasons",
    "RecallGuarantee": "select",
    "RerankOutcomeEvent": "reranker",
    "Reranker": "reranker",
    "ReverseOrder": "order",
    "SelectionEvent": "select",
    "Threshold": "select",
    "TournamentReranker": "listwise.tournament",
    "ZCut": "select",
}

__all__ = [
    "DEFENCES",
    "POLICIES",
    "AdaptiveTopK",
    "Band",
    "Bands",
    "Budget",
    "CalibrationReport",
    "Calibrator",
    "CascadeReranker",
    "ChorusEvent",
    "ChorusFilter",
    "DocumentOrder",
    "DuplicateFilter",
    "DuplicatesEvent",
    "EchoEvent",
    "EchoFilter",
    "EdgesOrder",
    "ExclusionBundle",
    "ExclusionEvent",
    "ExclusionReranker",
    "ExpectedF1",
    "FixedK",
    "FusedReranker",
    "FusionEvent",
    "InstructionFilter",
    "InstructionsEvent",
    "LargestGap",
    "ListwiseReranker",
    "MLLMReranker",
    "Policy",
    "RankOrder",
    "RankingEvent",
    "Reasons",
    "ReasonsEvent",
    "RecallGuarantee",
    "RerankOutcomeEvent",
    "Reranker",
    "ReverseOrder",
    "SelectionEvent",
    "Threshold",
    "TournamentReranker",
    "ZCut",
]


def __getattr__(name: str) -> Any:
    # LlamaIndex costs seconds to import; naming this room must not pay them.
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
