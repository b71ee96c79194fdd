"""The SQLite file of an embedded Chroma, read only: what Chroma's own calls tell slowly or not at all."""

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_CACHE_KIB = 16_384
_TICK_NS = 2 * 10**9
_RECORDS = """
SELECT e.embedding_id,
       (SELECT string_value FROM embedding_metadata m WHERE m.id = e.id AND m.key = 'chroma:document'),
       (SELECT string_value FROM embedding_metadata m WHERE m.id = e.id AND m.key = '_node_content'),
       (SELECT string_value FROM embedding_metadata m WHERE m.id = e.id AND m.key = '_node_type')
FROM embeddings e WHERE e.segment_id = ? AND e.embedding_id IN ({places})
"""


class NodeRecord(NamedTuple):
    """A LlamaIndex node as its Chroma store writes it: the text, and the rest as JSON."""

    text: str
    content: str
    kind: str


class ChromaFile:
    """Looks into ``chroma.sqlite3`` while Chroma works with it.

    Chroma has no call that tells whether a collection has changed (counting 100,000 passages takes it 10 ms), and to
    get 50 passages it reads all their metadata one by one (5 ms; here under 1 ms). Where the file is missing, locked
    or laid out otherwise, the answer is None, and Chroma must be asked.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._guard = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._process = os.getpid()
        self._segments: dict[str, str] = {}
        self._known: tuple[tuple[int, int, int], int] | None = None

    def position(self) -> int | None:
        """The number of the last entry in Chroma's log of changes; it grows with each."""
        try:
            status = os.stat(self._file)
        except OSError:
            return None
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if self._known is not None and self._known[0] == stamp:
            return self._known[1]
        rows = self._rows("SELECT MAX(seq_id) FROM embeddings_queue", ())
        if rows is None:
            return None
        position = int(rows[0][0] or 0)
        # A file that was written a moment ago may be written again within the same tick of its clock.
        settled = time.time_ns() - status.st_mtime_ns > _TICK_NS
        self._known = (stamp, position) if settled else None
        return position

    def changed_since(self, collection: str, position: int) -> set[str] | None:
        """The ids in a collection (its UUID) that were added, changed or deleted after a position of the log.

        None if that cannot be told: Chroma prunes the log.
        """
        oldest = self._rows("SELECT MIN(seq_id) FROM embeddings_queue", ())
        if not oldest or oldest[0][0] is None or int(oldest[0][0]) > position + 1:
            return None
        statement = "SELECT DISTINCT id, topic FROM embeddings_queue WHERE seq_id > ?"
        rows = self._rows(statement, (position,))
        return None if rows is None else {id for id, topic in rows if topic.endswith(collection)}

    def records(self, collection: str, ids: Sequence[str]) -> Mapping[str, NodeRecord] | None:
        """The nodes of these ids in a collection (its UUID); what LlamaIndex did not write is left out."""
        if collection not in self._segments:
            found = self._rows("SELECT id FROM segments WHERE collection = ? AND scope = 'METADATA'", (collection,))
            if not found:
                return None
            self._segments[collection] = str(found[0][0])
        places = ",".join("?" * len(ids))
        rows = self._rows(_RECORDS.format(places=places), (self._segments[collection], *ids))
        if rows is None:
            return None
        return {id: NodeRecord(text or "", content, kind or "") for id, text, content, kind in rows if content}

    def _rows(self, statement: str, values: Sequence[str | int]) -> list[tuple[str, ...]] | None:
        try:
            with self._guard:
                if self._connection is None or self._process != os.getpid():
                    # SQLite's connections must not be carried into a forked process.
                    self._process = os.getpid()
                    self._connection = sqlite3.connect(
                        f"{self._file.as_uri()}?mode=ro", uri=True, check_same_thread=False
                    )
                    self._connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
                    weakref.finalize(self, self._connection.close)
                return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error:
            return None
