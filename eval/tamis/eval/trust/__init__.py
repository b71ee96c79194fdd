"""Trust: what an answer claims and cites, whom it favours, what it gives away, and how six dimensions of it stand."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..datasets.own_documents import with_own_documents
    from .attribution import Attributed, attribute, citation_precision, citation_recall
    from .captions import Chair, Described, Generative, amber_score, chair, generative
    from .checkers import DEFAULT, Checkers
    from .citations import marks, without_marks
    from .claims import Claim, claims_of
    from .conflict import memory_ratio
    from .conflict_rates import ConflictTable, conflict_table
    from .counter_memory import counter_memory_cases
    from .described_photos import photo_descriptions
    from .detection import Detection, SpanDetection, area_under_roc, detected, spans_detected
    from .dimensions import DIMENSIONS, Criterion, Dimension
    from .grounding import Checked, Grounding, ground
    from .group_bias import BiasScores, bias_scores, option_of
    from .impact import checklist
    from .masking import Mask, MaskedTarget
    from .objects import Vocabulary, coco_objects
    from .pairs import Pair, Tally, pairs_of, tally
    from .personal import leaked, longest_copy, personal_data, rouge_l
    from .protocols import Judged, LengthBaseline, both_judged, judged
    from .selective import Selective, selective_answering
    from .stance import stance_of

_HOME = {
    name: home
    for home, names in {
        "attribution": (
            "Attributed",
            "attribute",
            "citation_precision",
            "citation_recall",
        ),
        "captions": (
            "Chair",
            "Described",
            "Generative",
            "amber_score",
            "chair",
            "generative",
        ),
        "checkers": (
            "DEFAULT",
            "Checkers",
        ),
        "citations": (
            "marks",
            "without_marks",
        ),
        "claims": (
            "Claim",
            "claims_of",
        ),
        "conflict": ("memory_ratio",),
        "conflict_rates": (
            "ConflictTable",
            "conflict_table",
        ),
        "counter_memory": ("counter_memory_cases",),
        "described_photos": ("photo_descriptions",),
        "detection": (
            "Detection",
            "SpanDetection",
            "area_under_roc",
            "detected",
            "spans_detected",
        ),
        "dimensions": (
            "DIMENSIONS",
            "Criterion",
            "Dimension",
        ),
        "grounding": (
            "Checked",
            "Grounding",
            "ground",
        ),
        "group_bias": (
            "BiasScores",
            "bias_scores",
            "option_of",
        ),
        "impact": ("checklist",),
        "masking": (
            "Mask",
            "MaskedTarget",
        ),
        "objects": (
            "Vocabulary",
            "coco_objects",
        ),
        ".datasets.own_documents": ("with_own_documents",),
        "pairs": (
            "Pair",
            "Tally",
            "pairs_of",
            "tally",
        ),
        "personal": (
            "leaked",
            "longest_copy",
            "personal_data",
            "rouge_l",
        ),
        "protocols": (
            "Judged",
            "LengthBaseline",
            "both_judged",
            "judged",
        ),
        "selective": (
            "Selective",
            "selective_answering",
        ),
        "stance": ("stance_of",),
    }.items()
    for name in names
}

__all__ = [
    "DEFAULT",
    "DIMENSIONS",
    "Attributed",
    "BiasScores",
    "Chair",
    "Checked",
    "Checkers",
    "Claim",
    "ConflictTable",
    "Criterion",
    "Described",
    "Detection",
    "Dimension",
    "Generative",
    "Grounding",
    "Judged",
    "LengthBaseline",
    "Mask",
    "MaskedTarget",
    "Pair",
    "Selective",
    "SpanDetection",
    "Tally",
    "Vocabulary",
    "amber_score",
    "area_under_roc",
    "attribute",
    "bias_scores",
    "both_judged",
    "chair",
    "checklist",
    "citation_precision",
    "citation_recall",
    "claims_of",
    "coco_objects",
    "conflict_table",
    "counter_memory_cases",
    "detected",
    "generative",
    "ground",
    "judged",
    "leaked",
    "longest_copy",
    "marks",
    "memory_ratio",
    "option_of",
    "pairs_of",
    "personal_data",
    "photo_descriptions",
    "rouge_l",
    "selective_answering",
    "spans_detected",
    "stance_of",
    "tally",
    "with_own_documents",
    "without_marks",
]


def __getattr__(name: str) -> Any:
    # numpy is loaded by whoever computes, not by whoever lists what is here.
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
