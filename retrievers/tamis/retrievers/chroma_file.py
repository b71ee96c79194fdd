"""The SQLite file of an embedded Chroma, read only: what Chroma's own calls tell slowly or not at all."""

import sqlite3
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_CACHE_KIB = 16_384
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
        self._segments: dict[str, str] = {}

    def position(self) -> int | None:
        """The number of the last entry in Chroma's log of changes; it grows with each."""
        rows = self._rows("SELECT MAX(seq_id) FROM embeddings_queue", ())
        return int(rows[0][0] or 0) if rows else None

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

    def _rows(self, statement: str, values: Sequence[str]) -> list[tuple[str, ...]] | None:
        if not self._file.is_file():
            return None
        try:
            with self._guard:
                if self._connection is None:
                    self._connection = sqlite3.connect(
                        f"{self._file.as_uri()}?mode=ro", uri=True, check_same_thread=False
                    )
                    self._connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
                    weakref.finalize(self, self._connection.close)
                return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error:
            return None
