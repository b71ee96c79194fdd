"""Keeps what was used last, as far as a number of bytes allows."""

import threading
from collections import OrderedDict
from typing import Generic, NamedTuple, TypeVar

V = TypeVar("V")


class _Kept(NamedTuple, Generic[V]):
    value: V
    size: int


class ByteLRU(Generic[V]):
    """A thread-safe store of at most ``budget`` bytes; what was not used for longest goes first. 0 keeps nothing.

    >>> store = ByteLRU[str](budget=10)
    >>> store.put("a", "first", 6), store.put("b", "second", 4)
    (True, True)
    >>> store.get("a"), store.put("c", "third", 4), store.get("b"), store.held
    ('first', True, None, 10)
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept[V]] = OrderedDict()
        self._held = 0

    @property
    def held(self) -> int:
        """The bytes of all values together, never more than the budget."""
        return self._held

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: str) -> V | None:
        """The value, which is then the one used last; None where there is none."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            self._kept.move_to_end(key)
            return kept.value

    def put(self, key: str, value: V, size: int) -> bool:
        """Keeps a value of ``size`` bytes; False, and nothing else goes, where it is larger than the whole budget."""
        if size > self.budget:
            return False
        with self._lock:
            if (old := self._kept.pop(key, None)) is not None:
                self._held -= old.size
            self._kept[key] = _Kept(value, size)
            self._held += size
            while self._held > self.budget:
                _, gone = self._kept.popitem(last=False)
                self._held -= gone.size
        return True

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._kept.clear()
            self._held = 0
