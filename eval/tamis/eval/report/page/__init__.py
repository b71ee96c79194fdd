"""The report as one page: an HTML file that loads nothing, needs no JavaScript and shows hostile text as text.

``write_page(folder, report)`` writes ``report.html``; ``page(report, records)`` gives its text.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .choose import Limits
    from .document import page, write_page

_HOME = {"Limits": "choose", "page": "document", "write_page": "document"}

__all__ = ["Limits", "page", "write_page"]


def __getattr__(name: str) -> Any:
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
