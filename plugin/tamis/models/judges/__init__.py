"""Judges: what says whether evidence supports a claim. By rule, by fitted weights, or with a model."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tamis.core.registry import Registry

from ..judge import Judge, Verdict

if TYPE_CHECKING:
    from .agreement import DISPUTED, Agreed, agreed, is_disputed
    from .chat import ChatJudge
    from .choosing import ChooserJudge
    from .debate import Debate, Debated, DebateJudge, Turn
    from .logistic import AgreementJudge, CombinedJudge, CoverageJudge, EmbeddingJudge, FactsJudge
    from .nli import NliJudge
    from .panel import Panel
    from .rules import DateJudge, EntityJudge, ExactJudge, NegationJudge, NumberJudge
    from .scoring import ScorerJudge

JUDGES: Registry[Judge] = Registry(
    "judge",
    "tamis.judges",
    {
        "exact": "tamis.models.judges.rules:ExactJudge",
        "number": "tamis.models.judges.rules:NumberJudge",
        "date": "tamis.models.judges.rules:DateJudge",
        "entity": "tamis.models.judges.rules:EntityJudge",
        "negation": "tamis.models.judges.rules:NegationJudge",
        "agreement": "tamis.models.judges.logistic:AgreementJudge",
        "coverage": "tamis.models.judges.logistic:CoverageJudge",
        "facts": "tamis.models.judges.logistic:FactsJudge",
        "embedding": "tamis.models.judges.logistic:EmbeddingJudge",
        "combined": "tamis.models.judges.logistic:CombinedJudge",
        "agreed": "tamis.models.judges.agreement:Agreed",
        "nli": "tamis.models.judges.nli:NliJudge",
        "scorer": "tamis.models.judges.scoring:ScorerJudge",
        "chooser": "tamis.models.judges.choosing:ChooserJudge",
        "chat": "tamis.models.judges.chat:ChatJudge",
        "debate": "tamis.models.judges.debate:DebateJudge",
        "panel": "tamis.models.judges.panel:Panel",
    },
)
OFFLINE = ("exact", "number", "date", "entity", "negation", "agreement", "coverage", "facts", "embedding", "combined")
"""The judges that need no language model and no download; "embedding" and "combined" use the bundled embedder."""

_HOME = {
    name: home
    for home, names in {
        "agreement": ("DISPUTED", "Agreed", "agreed", "is_disputed"),
        "chat": ("ChatJudge",),
        "choosing": ("ChooserJudge",),
        "debate": ("Debate", "DebateJudge", "Debated", "Turn"),
        "logistic": ("AgreementJudge", "CombinedJudge", "CoverageJudge", "EmbeddingJudge", "FactsJudge"),
        "nli": ("NliJudge",),
        "panel": ("Panel",),
        "rules": ("DateJudge", "EntityJudge", "ExactJudge", "NegationJudge", "NumberJudge"),
        "scoring": ("ScorerJudge",),
    }.items()
    for name in names
}

__all__ = [
    "DISPUTED",
    "JUDGES",
    "OFFLINE",
    "Agreed",
    "AgreementJudge",
    "ChatJudge",
    "ChooserJudge",
    "CombinedJudge",
    "CoverageJudge",
    "DateJudge",
    "Debate",
    "DebateJudge",
    "Debated",
    "EmbeddingJudge",
    "EntityJudge",
    "ExactJudge",
    "FactsJudge",
    "Judge",
    "NegationJudge",
    "NliJudge",
    "NumberJudge",
    "Panel",
    "ScorerJudge",
    "Turn",
    "Verdict",
    "agreed",
    "is_disputed",
]


def __getattr__(name: str) -> Any:
    # Loaded by whoever judges, not by whoever lists what is here.
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
