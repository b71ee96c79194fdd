"""What a call of a scorer cost: pairs, tokens, images, cache hits, failures, counted where the work is done."""

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Literal, get_args

Quantity = Literal[
    "pairs",
    "tokens",
    "tokens_reused",
    "tokens_cut",
    "passages_cut",
    "images",
    "vision_hits",
    "vision_misses",
    "kv_hits",
    "kv_misses",
    "score_hits",
    "score_misses",
    "requests",
    "retries",
    "failures",
    "repairs",
    "out_of_memory",
]
"""What is counted. ``tokens`` were computed, ``tokens_reused`` taken from a cache; ``tokens_cut`` did not fit."""


class Counts:
    """Counters that several threads may add to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: Counter[str] = Counter()

    def add(self, quantity: Quantity, amount: int = 1) -> None:
        """Adds to one counter."""
        with self._lock:
            self._counted[quantity] += amount

    def update(self, other: Mapping[str, int]) -> None:
        """Adds many at once."""
        with self._lock:
            self._counted.update(other)

    def to_dict(self) -> dict[str, int]:
        """All counters that are not 0, in the order of ``Quantity``.

        >>> counts = Counts()
        >>> counts.add("pairs", 2)
        >>> counts.to_dict()
        {'pairs': 2}
        """
        with self._lock:
            return {name: self._counted[name] for name in get_args(Quantity) if self._counted[name]}


_current: ContextVar[Counts | None] = ContextVar("tamis_counts", default=None)


@contextlib.contextmanager
def counted() -> Iterator[Counts]:
    """Counts what is done inside, in threads and tasks started there too; calls side by side do not mix.

    >>> with counted() as counts:
    ...     count("images", 3)
    >>> counts.to_dict()
    {'images': 3}
    """
    counts = Counts()
    token = _current.set(counts)
    try:
        yield counts
    finally:
        _current.reset(token)


def count(quantity: Quantity, amount: int = 1) -> None:
    """Adds to the counts of the call that is under way; nothing happens where nobody counts.

    Threads that a scorer starts by itself see the counts only if they run in a copy of the context
    (``contextvars.copy_context().run``), as ``asyncio.to_thread`` does.
    """
    if (counts := _current.get()) is not None and amount:
        counts.add(quantity, amount)


def count_all(counts: Mapping[str, int]) -> None:
    """Counts what somebody else has counted, such as a call inside this one."""
    if (current := _current.get()) is not None:
        current.update(counts)
