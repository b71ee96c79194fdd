"""An embedder that remembers: the passages of an answer are the same for each of its sentences."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from tamis.core.content import Content
from tamis.models import EMBEDDERS
from tamis.models.embedder import Role

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class RememberingEmbedder:
    """Gives another embedder's vectors, and asks it once for each content, of the last ``most`` that were asked for.

    A judge that is asked sentence by sentence would embed all passages again for each. Safe with several threads.
    """

    inner: Any
    most: int = 2048
    _known: "OrderedDict[tuple[Content, Role], NDArray[np.float32]]" = field(
        default_factory=OrderedDict, init=False, repr=False, compare=False
    )
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The other's."""
        return str(self.inner.name)

    @property
    def dimensions(self) -> int:
        """The other's."""
        return int(self.inner.dimensions)

    @property
    def modalities(self) -> frozenset[str]:
        """The other's."""
        return frozenset(self.inner.modalities)

    def embed(self, contents: Sequence[Content], role: Role = "passage") -> "NDArray[np.float32]":
        """Vectors of shape (len(contents), dimensions), each of length 1."""
        import numpy as np

        keys = [(content, role) for content in contents]
        with self._lock:
            known = {key: self._known[key] for key in keys if key in self._known}
        if missing := [key for key in dict.fromkeys(keys) if key not in known]:
            known.update(zip(missing, self.inner.embed([content for content, _ in missing], role), strict=True))
        with self._lock:
            for key, vector in known.items():
                self._known[key] = vector
                self._known.move_to_end(key)
            while len(self._known) > self.most:
                self._known.popitem(last=False)
        if not keys:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        return np.stack([known[key] for key in keys])


@cache
def default_embedder() -> RememberingEmbedder:
    """The default embedder, remembering, one for all guards of this process."""
    return RememberingEmbedder(EMBEDDERS.build("sentence-transformers"))
