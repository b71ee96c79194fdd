"""How many to keep: one policy a file, and the postprocessor that asks them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tamis.core.registry import Registry

if TYPE_CHECKING:
    from .adaptive import AdaptiveTopK, SelectionEvent
    from .expected_f1 import ExpectedF1
    from .fixed_k import FixedK
    from .largest_gap import LargestGap
    from .policy import Policy
    from .recall_guarantee import RecallGuarantee
    from .threshold import Threshold
    from .z_cut import ZCut

BUILTIN = {
    "expected-f1": "tamis.rerankers.select.expected_f1:ExpectedF1",
    "recall-guarantee": "tamis.rerankers.select.recall_guarantee:RecallGuarantee",
    "threshold": "tamis.rerankers.select.threshold:Threshold",
    "z-cut": "tamis.rerankers.select.z_cut:ZCut",
    "largest-gap": "tamis.rerankers.select.largest_gap:LargestGap",
    "fixed-k": "tamis.rerankers.select.fixed_k:FixedK",
}
POLICIES: "Registry[Policy]" = Registry("policy", "tamis.policies", BUILTIN)

_HOME = {
    "AdaptiveTopK": "adaptive",
    "ExpectedF1": "expected_f1",
    "FixedK": "fixed_k",
    "LargestGap": "largest_gap",
    "Policy": "policy",
    "RecallGuarantee": "recall_guarantee",
    "SelectionEvent": "adaptive",
    "Threshold": "threshold",
    "ZCut": "z_cut",
}

__all__ = [
    "POLICIES",
    "AdaptiveTopK",
    "ExpectedF1",
    "FixedK",
    "LargestGap",
    "Policy",
    "RecallGuarantee",
    "SelectionEvent",
    "Threshold",
    "ZCut",
]


def __getattr__(name: str) -> Any:
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
