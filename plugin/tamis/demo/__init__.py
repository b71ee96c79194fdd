"""The demonstration: the documentation of the running Python's standard library, asked three ways in one run."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .report import print_report
    from .result import DemoResult
    from .run import run_demo

_HOME = {"DemoResult": "result", "print_report": "report", "run_demo": "run"}

__all__ = ["DemoResult", "print_report", "run_demo"]


def __getattr__(name: str) -> Any:
    # Running the demo loads LlamaIndex and a model; naming it does not.
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
