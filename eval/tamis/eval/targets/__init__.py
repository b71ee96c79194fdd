"""What can be evaluated, as Targets: functions, HTTP endpoints, LlamaIndex pipelines, and factories of any of these."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import BadReply, TargetError, TargetRefused, TargetUnavailable
    from .factory import FactoryTarget
    from .function import FunctionTarget
    from .http import HttpTarget
    from .llamaindex.target import LlamaIndexTarget
    from .reply import trace_of
    from .resolve import target_of

_HOME = {
    "BadReply": "errors",
    "FactoryTarget": "factory",
    "FunctionTarget": "function",
    "HttpTarget": "http",
    "LlamaIndexTarget": "llamaindex.target",
    "TargetError": "errors",
    "TargetRefused": "errors",
    "TargetUnavailable": "errors",
    "target_of": "resolve",
    "trace_of": "reply",
}

__all__ = [
    "BadReply",
    "FactoryTarget",
    "FunctionTarget",
    "HttpTarget",
    "LlamaIndexTarget",
    "TargetError",
    "TargetRefused",
    "TargetUnavailable",
    "target_of",
    "trace_of",
]


def __getattr__(name: str) -> Any:
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
