"""The seam for embedding models: content in, vectors out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from tamis.core.content import Content

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Role = Literal["query", "passage"]


@runtime_checkable
class Embedder(Protocol):
    """Turns contents into unit vectors in one space.

    ``name`` is what a store remembers; ``modalities`` says what it can see: "text", "image".
    """

    @property
    def name(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    @property
    def modalities(self) -> frozenset[str]: ...

    def embed(self, contents: Sequence[Content], role: Role = "passage") -> "NDArray[np.float32]":
        """Vectors of shape (len(contents), dimensions), each of length 1."""
        ...
