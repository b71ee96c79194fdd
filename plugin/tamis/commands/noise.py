"""Keeps third parties from writing into a command's output, for as long as the command runs."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from .terminal import say

# Read by these libraries when they are imported, which is after a command has started.
_QUIET = {
    "ANONYMIZED_TELEMETRY": "False",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "ORT_DISABLE_TELEMETRY": "1",
}


class _Says(logging.Handler):
    """A warning of Tamis as a line of the command."""

    def emit(self, record: logging.LogRecord) -> None:
        say(f"{record.levelname.lower()}: {record.getMessage()}")


@contextmanager
def quiet() -> Iterator[None]:
    """Warnings and log lines of Tamis itself as one line each, those of everybody else not at all.

    With TAMIS_DEBUG set nothing is held back.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    if os.environ.get("TAMIS_DEBUG"):
        yield
        return
    # Without any handler, logging writes warnings to stderr by itself.
    silent, ours = logging.NullHandler(), _Says(logging.WARNING)
    root, tamis = logging.getLogger(), logging.getLogger("tamis")
    root.addHandler(silent)
    tamis.addHandler(ours)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("always", module=r"tamis\.")
            warnings.showwarning = _show
            yield
    finally:
        tamis.removeHandler(ours)
        root.removeHandler(silent)


def _show(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del category, filename, lineno, line
    if file is None or file is sys.stderr:
        say(f"warning: {message}")
