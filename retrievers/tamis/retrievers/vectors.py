"""A copy of the store's vectors at hand, for passages that a search by vector did not list."""

import bisect
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from .corpus import Vectors

# New vectors are kept in memory until they are saved: this many of 384 dimensions are 30 MB.
_FRESH = 20_000


class VectorCopy:
    """Unit vectors by id: ``rows``, shape (len(ids), dimensions), memory-mapped and in the order of ``ids`` (sorted),
    and those that are newer. What is not here must be asked from the store.

    >>> copy = VectorCopy(["a"], np.ones((1, 1), np.float32))
    >>> copy.changed({"b": np.ones(1, np.float32)}, removed=["a"])
    >>> sorted(copy.get(["a", "b", "c"]))
    ['b']
    """

    def __init__(self, ids: Sequence[str] = (), rows: NDArray[np.float32] | None = None) -> None:
        self._ids = ids if rows is not None else ()
        self._rows = rows
        self._fresh: dict[str, NDArray[np.float32]] = {}
        self._stale: set[str] = set()

    def get(self, ids: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        """The vectors of those ids that are here."""
        found: dict[str, NDArray[np.float32]] = {}
        for id in ids:
            if (fresh := self._fresh.get(id)) is not None:
                found[id] = fresh
            elif self._rows is not None and id not in self._stale:
                row = bisect.bisect_left(self._ids, id)
                if row < len(self._ids) and self._ids[row] == id:
                    found[id] = self._rows[row]
        return found

    def changed(self, added: Vectors, removed: Iterable[str]) -> None:
        """Passages that were added or replaced, and removed."""
        for id in (*removed, *added):
            self._fresh.pop(id, None)
            self._stale.add(id)
        self._fresh.update(added)
        if len(self._fresh) > _FRESH:
            self._fresh = {}
