"""Reads a folder of text, Markdown, HTML, PDF, source code and images into a store, and keeps the store in step."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .directory import index_directory
    from .report import FileIssue, IndexReport

_HOME = {"FileIssue": "report", "IndexReport": "report", "index_directory": "directory"}

__all__ = ["FileIssue", "IndexReport", "index_directory"]


def __getattr__(name: str) -> Any:
    # LlamaIndex costs seconds to import; naming this room must not pay them.
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
