"""Vectors of texts that are asked for again and again: the evidence is the same for every claim about it."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from tamis.core.content import Content
from tamis.core.errors import BadSetting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..embedder import Embedder

MOST = 4096
"""Texts whose vectors are kept: 6 MB of those of the default embedder."""


class TextVectors:
    """An embedder's vectors, each text embedded once as long as it is among the last ``most`` that were asked for.

    A guard asks sentence by sentence, and would embed all passages again for each. Safe with several threads: what two
    ask for at once may be embedded twice, and is the same.
    """

    def __init__(self, embedder: "Embedder", most: int = MOST) -> None:
        if most < 1:
            raise BadSetting(f"at least one text's vector is kept, not {most}")
        self.embedder, self.most = embedder, most
        self._known: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Shape (len(texts), dimensions), each of length 1, in order; the texts are embedded as passages."""
        import numpy as np

        with self._lock:
            found = {text: self._known[text] for text in texts if text in self._known}
        if missing := [text for text in dict.fromkeys(texts) if text not in found]:
            vectors = self.embedder.embed([Content(text) for text in missing], "passage")
            found.update(zip(missing, vectors, strict=True))
        with self._lock:
            for text in found:
                if text not in self._known:
                    # A copy: a row of a batch would keep the whole batch.
                    self._known[text] = found[text].copy()
                self._known.move_to_end(text)
            while len(self._known) > self.most:
                self._known.popitem(last=False)
        if not found:
            return np.zeros((0, self.embedder.dimensions), dtype=np.float32)
        return np.stack([found[text] for text in texts])

    def __reduce__(self) -> tuple[Any, ...]:
        # What is remembered stays on this machine; neither it nor a lock goes to another one.
        return TextVectors, (self.embedder, self.most)


def vectors_of(embedder: Any) -> TextVectors:
    """The vectors of an embedder given by name, by its settings or as it is; those of the default one for None.

    The default one's are shared by all judges of this process.
    """
    if embedder is None:
        return _default()
    from .. import EMBEDDERS

    return TextVectors(EMBEDDERS.build(embedder))


@cache
def _default() -> TextVectors:
    from .. import EMBEDDERS

    return TextVectors(EMBEDDERS.build("sentence-transformers"))
