"""After retrieval: how relevant each candidate is, how many of them to keep, and where they stand."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .calibrate import CalibrationReport, Calibrator
    from .duplicates import DuplicateFilter, DuplicatesEvent
    from .order import DocumentOrder, EdgesOrder, RankOrder, ReverseOrder
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
    "POLICIES": "select",
    "AdaptiveTopK": "select",
    "CalibrationReport": "calibrate",
    "Calibrator": "calibrate",
    "DocumentOrder": "order",
    "DuplicateFilter": "duplicates",
    "DuplicatesEvent": "duplicates",
    "EdgesOrder": "order",
    "ExpectedF1": "select",
    "FixedK": "select",
    "LargestGap": "select",
    "Policy": "select",
    "RankOrder": "order",
    "RecallGuarantee": "select",
    "RerankOutcomeEvent": "reranker",
    "Reranker": "reranker",
    "ReverseOrder": "order",
    "SelectionEvent": "select",
    "Threshold": "select",
    "ZCut": "select",
}

__all__ = [
    "POLICIES",
    "AdaptiveTopK",
    "CalibrationReport",
    "Calibrator",
    "DocumentOrder",
    "DuplicateFilter",
    "DuplicatesEvent",
    "EdgesOrder",
    "ExpectedF1",
    "FixedK",
    "LargestGap",
    "Policy",
    "RankOrder",
    "RecallGuarantee",
    "RerankOutcomeEvent",
    "Reranker",
    "ReverseOrder",
    "SelectionEvent",
    "Threshold",
    "ZCut",
]


def __getattr__(name: str) -> Any:
    # LlamaIndex costs seconds to import; naming this room must not pay them.
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
