"""BM25 beside a corpus: follows what is added and deleted there, and is saved for the next time."""

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from llama_index.core.schema import BaseNode, MetadataMode
from numpy.typing import NDArray

from tamis.core.errors import StoreError
from tamis.nodes import content_of

from . import bm25_folder
from .corpus import Corpus, Vectors, Version
from .postings import Counted, Postings, counted, digest_of
from .vectors import VectorCopy

logger = logging.getLogger(__name__)

# Changes waiting to be worked in are counted terms, a few KB each: this many are some 50 MB.
_WAITING = 10_000
_BLOCK = 2000


def counted_node(node: BaseNode) -> Counted:
    """A node's terms as LlamaIndex embeds it: its text and the metadata that is not excluded from embedding."""
    return counted(content_of(node, MetadataMode.EMBED).text, node.get_content(MetadataMode.NONE))


class LexicalIndex(Protocol):
    """What a search asks of the words of a corpus."""

    def current(self) -> Postings:
        """The index as the corpus is now."""
        ...

    def vectors(self, ids: Sequence[str]) -> Vectors:
        """The vectors of these ids, of length 1, as far as they are to be had."""
        ...

    def distrust(self) -> None:
        """Have the next ``current`` compare everything with the corpus."""
        ...


class Bm25:
    """The BM25 index of a corpus, current at every query.

    Writers that go through ``writing`` tell it what changed. Changes made behind its back are noticed by the corpus's
    version, and where that is not exact by ``distrust``; unless the corpus can tell which passages they were, all
    texts are compared with what was counted. Only the passages that differ are counted again. ``folder`` is where it
    is kept; None keeps it in memory only.

    With it, for a corpus whose version is exact, goes a copy of the vectors, so that passages which only BM25 found
    can be compared with a query without asking the store (one more call that takes as long as a search).
    """

    def __init__(self, corpus: Corpus, folder: Path | None = None) -> None:
        self._corpus = corpus
        self._folder = folder
        self._lock = threading.RLock()
        self._postings: Postings | None = None
        self._seen: Version | None = None
        self._waiting: dict[str, Counted | None] = {}
        self._vectors = VectorCopy()
        self._unsaved = False
        self._writers = 0
        # Whether what is held was read from the folder and not yet compared with the corpus since.
        self._as_saved = False

    def current(self) -> Postings:
        """The index as the corpus is now. Thread-safe; the result never changes."""
        with self._lock:
            postings = self._loaded()
            if self._waiting:
                postings = self._work_in()
            if not self._writers:
                if (version := self._corpus.version()) != self._seen:
                    postings = self._follow(version)
                self._as_saved = False
            return postings

    def vectors(self, ids: Sequence[str]) -> Vectors:
        """The vectors of these ids, of length 1, as far as the corpus gives them out."""
        with self._lock:
            found = self._vectors.get(ids)
        missing = [id for id in ids if id not in found]
        return {**found, **self._corpus.vectors(missing)} if missing else found

    def distrust(self) -> None:
        """Have the next ``current`` compare everything with the corpus."""
        with self._lock:
            self._seen = None

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Around a change of the corpus that is told by ``changed``; if it fails, the corpus is asked next time.

        Meanwhile queries see what was there before, and what was told.
        """
        with self._lock:
            self._loaded()
            known = self._seen is not None and self._corpus.version() == self._seen
            self._writers += 1
        try:
            yield
        except BaseException:
            known = False
            raise
        finally:
            with self._lock:
                self._writers -= 1
                self._seen = self._corpus.version() if known else None

    def changed(
        self, added: Mapping[str, Counted], removed: Sequence[str] = (), vectors: Vectors | None = None
    ) -> None:
        """Passages that were added or replaced, and removed, in the corpus; worked in when next needed."""
        with self._lock:
            self._vectors.changed({}, [*removed, *added])
            if vectors is not None and self._corpus.exact_version:
                self._vectors.changed(vectors, ())
            self._waiting.update(dict.fromkeys(removed))
            self._waiting.update(added)
            if len(self._waiting) >= max(_WAITING, len(self._loaded()) // 4):
                self._work_in()

    def flush(self) -> None:
        """Saves the index if it changed."""
        with self._lock:
            if self._waiting:
                self._work_in()
            if self._unsaved and self._postings is not None and self._seen is not None:
                self._save(self._postings, self._seen, with_vectors=self._corpus.exact_version)

    def _loaded(self) -> Postings:
        if self._postings is not None:
            return self._postings
        self._postings = Postings.empty()
        if self._folder is None:
            return self._postings
        try:
            self._postings, version, vectors = bm25_folder.load(self._folder)
        except StoreError as error:
            if passages := self._corpus.count():
                logger.warning("no usable BM25 index (%s); it is built anew from %d passages", error, passages)
            elif self._corpus.exact_version:
                self._seen = self._corpus.version()
        else:
            self._as_saved = True
            if self._corpus.exact_version:
                self._seen, self._vectors = version, vectors
        return self._postings

    def _work_in(self) -> Postings:
        postings = self._loaded()
        added = {id: passage for id, passage in self._waiting.items() if passage is not None}
        removed = [id for id, passage in self._waiting.items() if passage is None]
        self._postings, before = postings.changed(added, removed), postings
        self._unsaved |= self._postings is not before
        self._waiting = {}
        return self._postings

    def _follow(self, version: Version) -> Postings:
        """Brings the index to what the corpus holds."""
        if self._corpus.exact_version and self._folder and bm25_folder.saved_version(self._folder) == version:
            # The process that changed the corpus has saved its index too.
            with contextlib.suppress(StoreError):
                self._postings, self._seen, self._vectors = bm25_folder.load(self._folder)
                self._unsaved = False
                return self._postings
        touched = None if self._seen is None else self._corpus.changed_since(self._seen)
        if touched is None:
            self._compare(version)
        else:
            self._retell(touched)
        self._seen = version
        return self._loaded()

    def _retell(self, touched: set[str]) -> None:
        """Works in the passages that the corpus says have changed."""
        held = self._corpus.nodes(sorted(touched))
        self.changed({id: counted_node(node) for id, node in held.items()}, [id for id in touched if id not in held])
        self._work_in()

    def _compare(self, version: Version) -> None:
        """Compares all texts with what was counted, and counts those anew that differ."""
        # Whoever changed the passages may have changed a vector and not its text.
        self._vectors = VectorCopy()
        postings = self._loaded()
        known = dict(zip(postings.ids, postings.digests.tolist(), strict=True))
        stale: list[str] = []
        changes = 0
        for passage in self._corpus.passages():
            if known.pop(passage.id, None) != digest_of(passage.text):
                stale.append(passage.id)
            if len(stale) >= _WAITING:
                changes += self._recount(stale)
                stale = []
        changes += self._recount(stale) + len(known)
        self.changed({}, list(known))
        postings = self._work_in()
        if changes and self._as_saved:
            logger.warning(
                "the BM25 index in %s does not match the store: %d of %d passages were counted anew",
                self._folder, changes, len(postings),
            )  # fmt: skip
        if changes:
            # After a rebuild the vectors are read too; after a small change the next writer does it.
            self._save(postings, version, self._corpus.exact_version and 2 * changes >= len(postings))
        elif self._folder is not None and self._corpus.exact_version:
            with contextlib.suppress(OSError, ValueError):
                bm25_folder.restamp(self._folder, version)

    def _recount(self, ids: list[str]) -> int:
        nodes = self._corpus.nodes(ids) if ids else {}
        self.changed({id: counted_node(node) for id, node in nodes.items()})
        return len(nodes)

    def _save(self, postings: Postings, version: Version, with_vectors: bool) -> None:
        if self._folder is None:
            return
        try:
            vectors = self._blocks(postings.ids) if with_vectors else None
            bm25_folder.save(self._folder, postings.compact(), version, vectors)
            self._unsaved = False
        except OSError as error:
            logger.warning("the BM25 index cannot be saved in %s: %s; it is kept in memory", self._folder, error)

    def _blocks(self, ids: Sequence[str]) -> Iterator[NDArray[np.float32]]:
        """All vectors, in the order of the ids. Raises LookupError if the corpus does not give one out."""
        for begin in range(0, len(ids), _BLOCK):
            some = ids[begin : begin + _BLOCK]
            found = self.vectors(some)
            yield np.array([found[id] for id in some], np.float32)
