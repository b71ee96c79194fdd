"""What a run showed: ``report.json`` and its other forms, gates, and one run beside another.

``write(folder)`` makes them all from the run's plan and journal, ``compare(a, b)`` pairs two runs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .comparison import Comparison, compare
    from .evaluated import Evaluated
    from .folder import read, read_timings, write, write_all
    from .gates import Gate, check, parse
    from .report import (
        Difference,
        Estimate,
        FigureInfo,
        GateResult,
        Report,
        VariantInfo,
    )
    from .summary import Summary, summarise

_HOME = {
    name: home
    for home, names in {
        "comparison": ("Comparison", "compare"),
        "evaluated": ("Evaluated",),
        "folder": ("read", "read_timings", "write", "write_all"),
        "gates": ("Gate", "check", "parse"),
        "report": ("Difference", "Estimate", "FigureInfo", "GateResult", "Report", "VariantInfo"),
        "summary": ("Summary", "summarise"),
    }.items()
    for name in names
}

__all__ = [
    "Comparison",
    "Difference",
    "Estimate",
    "Evaluated",
    "FigureInfo",
    "Gate",
    "GateResult",
    "Report",
    "Summary",
    "VariantInfo",
    "check",
    "compare",
    "parse",
    "read",
    "read_timings",
    "summarise",
    "write",
    "write_all",
]


def __getattr__(name: str) -> Any:
    # numpy is loaded by whoever computes, not by whoever lists what is here.
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
