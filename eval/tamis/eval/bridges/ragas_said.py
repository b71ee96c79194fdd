"""What ragas logs while it computes one score: the only place where it says why there is none."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_heard: ContextVar[list[str] | None] = ContextVar("tamis_ragas_said", default=None)
_lock = threading.Lock()
_listeners = 0


class _Listener(logging.Handler):
    """Gives a warning to whoever is listening in the same context, and to nobody else."""

    def emit(self, record: logging.LogRecord) -> None:
        if (heard := _heard.get()) is not None:
            heard.append(" ".join(record.getMessage().split()))


_listener = _Listener(logging.WARNING)


@contextmanager
def said() -> Iterator[list[str]]:
    """The warnings and errors that ragas logs in this context until the end of the block, in order.

    The handler is on ragas' logger only while somebody listens; other handlers see the same as ever.
    """
    heard: list[str] = []
    token = _heard.set(heard)
    _count(1)
    try:
        yield heard
    finally:
        _count(-1)
        _heard.reset(token)


def _count(change: int) -> None:
    global _listeners
    with _lock:
        _listeners += change
        if _listeners == 1 and change == 1:
            logging.getLogger("ragas").addHandler(_listener)
        elif _listeners == 0:
            logging.getLogger("ragas").removeHandler(_listener)
