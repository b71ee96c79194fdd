"""The documents that attacks draw from, gathered when the first attack asks for them."""

from collections.abc import Callable, Iterable, Iterator
from threading import Lock

from ..attacks.material import Material
from ..case import Document
from .data import Data


class Gathered:
    """Gives a pool over some documents, which are gathered once: an attack that changes spelling needs none of them."""

    def __init__(self, documents: Callable[[], Iterable[Document]]) -> None:
        self._documents = documents
        self._pool: Material | None = None
        self._lock = Lock()

    def __call__(self) -> Material:
        """The pool, the same one at every call, from whatever thread."""
        with self._lock:
            if self._pool is None:
                from ..attacks.pool import Pool

                self._pool = Pool(tuple(self._documents()))
            return self._pool


def documents_of(data: Data) -> list[Document]:
    """The corpus that the cases share, or where there is none the documents of all cases, each id once."""
    shared = list(data.documents())
    if shared:
        return shared
    return list(_once(document for case in data.cases() for document in case.documents))


def _once(documents: Iterator[Document]) -> Iterator[Document]:
    seen: set[str] = set()
    for document in documents:
        if document.id not in seen:
            seen.add(document.id)
            yield document
