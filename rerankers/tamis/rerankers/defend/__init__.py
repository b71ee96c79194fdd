"""Stages that keep planted passages from the model: one voice for a chorus, and nothing that gives it orders."""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tamis.core.registry import Registry

if TYPE_CHECKING:
    from llama_index.core.postprocessor.types import BaseNodePostprocessor

    from .chorus import ChorusEvent, ChorusFilter
    from .echo import EchoEvent, EchoFilter
    from .instruction_filter import InstructionFilter, InstructionsEvent

BUILTIN = {
    "instructions": "tamis.rerankers.defend.instruction_filter:InstructionFilter",
    "chorus": "tamis.rerankers.defend.chorus:ChorusFilter",
    "echo": "tamis.rerankers.defend.echo:EchoFilter",
}
DEFENCES: "Registry[BaseNodePostprocessor]" = Registry("defence", "tamis.defences", BUILTIN)

_HOME = {
    "ChorusEvent": "chorus",
    "ChorusFilter": "chorus",
    "EchoEvent": "echo",
    "EchoFilter": "echo",
    "InstructionFilter": "instruction_filter",
    "InstructionsEvent": "instruction_filter",
}

__all__ = [
    "DEFENCES",
    "ChorusEvent",
    "ChorusFilter",
    "EchoEvent",
    "EchoFilter",
    "InstructionFilter",
    "InstructionsEvent",
    "defence_of",
]


def defence_of(spec: "str | Mapping[str, Any] | BaseNodePostprocessor") -> "BaseNodePostprocessor":
    """A defence by its name, by a table with its name and settings, or as it is.

    Raises UnknownComponent with the names that exist, BadSetting for settings that it does not take.

    >>> defence_of("chorus").class_name()
    'TamisChorusFilter'
    """
    return DEFENCES.build(spec)


def __getattr__(name: str) -> Any:
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
