"""Screens: what says whether a content is harmful, trained on the user's own labels, asked of a model, or by a list.

A screen is found by its name or by the file that ``tamis train screen`` wrote (``screen_of``); somebody else's is one
entry point in "tamis.screens".
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tamis.core.registry import Registry
from tamis.models.screen import Screen, Screened

if TYPE_CHECKING:
    from .debated import DebateScreen
    from .examples import Example, read_examples
    from .guard_model import GuardScreen
    from .image_text import OcrScreen
    from .probe import ProbeScreen
    from .relevance import ScorerScreen
    from .saved import load_screen, screen_of
    from .ss3 import Ss3Screen
    from .taxonomy import Category, TaxonomyScreen
    from .training import Trained, TrainingReport, train_screen

_ROOM = "tamis.models.screens"

SCREENS: Registry[Screen] = Registry(
    "screen",
    "tamis.screens",
    {
        "debate": f"{_ROOM}.debated:DebateScreen",
        "guard-model": f"{_ROOM}.guard_model:GuardScreen",
        "probe": f"{_ROOM}.probe:ProbeScreen",
        "scorer": f"{_ROOM}.relevance:ScorerScreen",
        "ss3": f"{_ROOM}.ss3:Ss3Screen",
        "taxonomy": f"{_ROOM}.taxonomy:TaxonomyScreen",
    },
)

_HOME = {
    "Category": "taxonomy",
    "DebateScreen": "debated",
    "Example": "examples",
    "GuardScreen": "guard_model",
    "OcrScreen": "image_text",
    "ProbeScreen": "probe",
    "ScorerScreen": "relevance",
    "Ss3Screen": "ss3",
    "TaxonomyScreen": "taxonomy",
    "Trained": "training",
    "TrainingReport": "training",
    "load_screen": "saved",
    "read_examples": "examples",
    "screen_of": "saved",
    "train_screen": "training",
}

__all__ = [
    "SCREENS",
    "Category",
    "DebateScreen",
    "Example",
    "GuardScreen",
    "OcrScreen",
    "ProbeScreen",
    "ScorerScreen",
    "Screen",
    "Screened",
    "Ss3Screen",
    "TaxonomyScreen",
    "Trained",
    "TrainingReport",
    "load_screen",
    "read_examples",
    "screen_of",
    "train_screen",
]


def __getattr__(name: str) -> Any:
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
