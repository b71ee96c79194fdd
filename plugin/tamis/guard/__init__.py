"""The guard: answers checked sentence by sentence against their passages while they are written, and for harm."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine import GuardedQueryEngine
    from .events import GuardOutcomeEvent, GuardPassageEvent, GuardQueryEvent, GuardSentenceEvent
    from .guard import Guard, guard_of
    from .passages import PassageScreen
    from .pieces import Piece, Pieces
    from .synthesizer import GuardedSynthesizer

_HOME = {
    "Guard": "guard",
    "GuardOutcomeEvent": "events",
    "GuardPassageEvent": "events",
    "GuardQueryEvent": "events",
    "GuardSentenceEvent": "events",
    "GuardedQueryEngine": "engine",
    "GuardedSynthesizer": "synthesizer",
    "PassageScreen": "passages",
    "Piece": "pieces",
    "Pieces": "pieces",
    "guard_of": "guard",
}

__all__ = [
    "Guard",
    "GuardOutcomeEvent",
    "GuardPassageEvent",
    "GuardQueryEvent",
    "GuardSentenceEvent",
    "GuardedQueryEngine",
    "GuardedSynthesizer",
    "PassageScreen",
    "Piece",
    "Pieces",
    "guard_of",
]


def __getattr__(name: str) -> Any:
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
