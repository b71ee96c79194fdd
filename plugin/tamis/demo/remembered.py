"""An embedder that reads nothing twice: under attack three pipelines are given the same questions and passages."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tamis.core.content import Content
from tamis.models.embedder import Embedder, Role

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Remembered:
    """Gives the vectors of ``embedder``, and keeps each for as long as it lives itself."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[tuple[Role, Content], NDArray[np.float32]] = {}

    @property
    def name(self) -> str:
        """The embedder's."""
        return self._embedder.name

    @property
    def dimensions(self) -> int:
        """The embedder's."""
        return self._embedder.dimensions

    @property
    def modalities(self) -> frozenset[str]:
        """The embedder's."""
        return self._embedder.modalities

    def embed(self, contents: Sequence[Content], role: Role = "passage") -> "NDArray[np.float32]":
        """Unit vectors of shape (len(contents), dimensions); only what was never asked for is embedded.

        Each by itself: in one batch with others a vector's last digits would hang on them, and ties on these.
        """
        import numpy as np

        for content in contents:
            if (role, content) not in self._known:
                self._known[role, content] = self._embedder.embed([content], role)[0]
        if not contents:
            return np.zeros((0, self.dimensions), np.float32)
        return np.stack([self._known[role, content] for content in contents])
