"""BM25 beside a corpus: follows what is added and deleted there, and is saved for the next time."""

import contextlib
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from llama_index.core.schema import BaseNode, MetadataMode

from tamis.core.errors import StoreError
from tamis.nodes import content_of

from . import bm25_folder
from .corpus import Corpus, Version
from .postings import Counted, Postings, counted, digest_of

logger = logging.getLogger(__name__)

# Changes waiting to be worked in are counted terms, a few KB each: this many are some 50 MB.
_WAITING = 10_000


def counted_node(node: BaseNode) -> Counted:
    """A node's terms as LlamaIndex embeds it: its text and the metadata that is not excluded from embedding."""
    return counted(content_of(node, MetadataMode.EMBED).text, node.get_content(MetadataMode.NONE))


class Bm25:
    """The BM25 index of a corpus, current at every query.

    Writers that go through ``writing`` tell it what changed. Changes made behind its back are noticed by the corpus's
    version, and where that is not exact by ``distrust``; then all texts are compared with what was counted, and only
    the passages that differ are counted again. ``folder`` is where it is kept; None keeps it in memory only.
    """

    def __init__(self, corpus: Corpus, folder: Path | None = None) -> None:
        self._corpus = corpus
        self._folder = folder
        self._lock = threading.RLock()
        self._postings: Postings | None = None
        self._seen: Version | None = None
        self._waiting: dict[str, Counted | None] = {}
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

    def changed(self, added: Mapping[str, Counted], removed: Iterable[str] = ()) -> None:
        """Passages that were added or replaced, and removed, in the corpus; worked in when next needed."""
        with self._lock:
            self._waiting.update(dict.fromkeys(removed))
            self._waiting.update(added)
            if len(self._waiting) >= max(_WAITING, len(self._loaded()) // 4):
                self._work_in()

    def flush(self) -> None:
        """Saves the index if it changed."""
        with self._lock:
            if self._waiting:
                self._work_in()
            if self._unsaved and self._folder is not None and self._postings is not None and self._seen is not None:
                self._save(self._postings, self._seen)

    def _loaded(self) -> Postings:
        if self._postings is not None:
            return self._postings
        self._postings = Postings.empty()
        if self._folder is None:
            return self._postings
        try:
            self._postings, version = bm25_folder.load(self._folder)
        except StoreError as error:
            if passages := self._corpus.count():
                logger.warning("no usable BM25 index (%s); it is built anew from %d passages", error, passages)
            elif self._corpus.exact_version:
                self._seen = self._corpus.version()
        else:
            self._as_saved = True
            if self._corpus.exact_version:
                self._seen = version
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
                self._postings, self._seen = bm25_folder.load(self._folder)
                self._unsaved = False
                return self._postings
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
        self.changed({}, known)
        postings = self._work_in()
        self._seen = version
        if changes:
            if self._as_saved:
                logger.warning(
                    "the BM25 index in %s does not match the store: %d of %d passages were counted anew",
                    self._folder, changes, len(postings),
                )  # fmt: skip
            self._save(postings, version)
        return postings

    def _recount(self, ids: list[str]) -> int:
        nodes = self._corpus.nodes(ids) if ids else {}
        self.changed({id: counted_node(node) for id, node in nodes.items()})
        return len(nodes)

    def _save(self, postings: Postings, version: Version) -> None:
        if self._folder is None:
            return
        try:
            bm25_folder.save(self._folder, postings.compact(), version)
            self._unsaved = False
        except OSError as error:
            logger.warning("the BM25 index cannot be saved in %s: %s; it is kept in memory", self._folder, error)
