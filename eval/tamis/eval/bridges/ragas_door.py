"""The door to ragas: its telemetry is off before anything of it is loaded, and without it there is a plain error."""

import os
import sys
import threading
import warnings
from importlib import import_module
from typing import Any

from tamis.core.errors import MissingExtra

_lock = threading.Lock()
_is_shut = False


def from_ragas(module: str) -> Any:
    """A module of ragas ("ragas.metrics.base"), with ``RAGAS_DO_NOT_TRACK`` set. Raises MissingExtra.

    A process that turned telemetry on by itself keeps it: the variable is only set where it is not there. ragas warns
    of its own names while it is loaded; these warnings are not the caller's and are dropped.
    """
    with _lock:
        os.environ.setdefault("RAGAS_DO_NOT_TRACK", "true")
        if _is_shut and module in sys.modules:
            return sys.modules[module]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                loaded = import_module(module)
                _shut(import_module("ragas._analytics"))
        except ImportError as error:
            # It fails to be imported beside langchain-community 0.4, for which the extra has a pin.
            raise MissingExtra(f"ragas ({error})", extra="ragas") from error
        return loaded


def _shut(analytics: Any) -> None:
    global _is_shut
    # The answer to "may I track?" is remembered: one that was given before the variable was set is forgotten.
    analytics.do_not_track.cache_clear()
    # ragas makes up an id for its user at the first score, and leaves the file with it open: the warning comes here.
    analytics.get_userid()
    _is_shut = True
