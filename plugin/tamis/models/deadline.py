"""When a call must have returned: set by whoever waits, read by scorers that can stop early with what they have."""

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar

_until: ContextVar[float | None] = ContextVar("tamis_deadline", default=None)


@contextlib.contextmanager
def until(moment: float | None) -> Iterator[None]:
    """What runs inside, in threads and tasks started there too, must return by this ``time.monotonic()``.

    An earlier deadline that is already set stays: a call cannot give itself more time than its caller has. ``None``
    sets nothing.

    >>> with until(time.monotonic() + 60), until(time.monotonic() + 3600):
    ...     59 < time_left() <= 60
    True
    """
    known = _until.get()
    if moment is not None and known is not None:
        moment = min(moment, known)
    token = _until.set(known if moment is None else moment)
    try:
        yield
    finally:
        _until.reset(token)


def time_left() -> float | None:
    """Seconds until the deadline, never below 0; None where there is none.

    >>> time_left() is None
    True
    """
    moment = _until.get()
    return None if moment is None else max(0.0, moment - time.monotonic())


def deadline() -> float | None:
    """The deadline itself, in ``time.monotonic()`` seconds; None where there is none."""
    return _until.get()
