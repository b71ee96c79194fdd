"""Vectors of texts for the benchmarks, kept on disk so that a second run embeds nothing again."""

import hashlib
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tamis.core.content import Content
from tamis.models.embedder import Embedder, Role


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/tamis`` or ``~/.cache/tamis``."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tamis"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _key(embedder: Embedder, role: Role, text: str) -> bytes:
    return hashlib.sha256(f"{embedder.name}\0{role}\0{text}".encode("utf-8", "surrogatepass")).digest()


def embed_texts(embedder: Embedder, texts: Sequence[str], role: Role = "passage") -> NDArray[np.float32]:
    """Unit vectors, shape (len(texts), dimensions), from the cache where they are in it."""
    if not texts:
        return np.zeros((0, embedder.dimensions), dtype=np.float32)
    with sqlite3.connect(cache_folder() / "benchmark-vectors.sqlite", timeout=60) as store:
        store.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB)")
        keys = [_key(embedder, role, text) for text in texts]
        found: dict[bytes, bytes] = {}
        distinct = list(dict.fromkeys(keys))
        for start in range(0, len(distinct), 500):
            some = distinct[start : start + 500]
            marks = ",".join("?" * len(some))
            found.update(store.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", some))
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        # Long texts with long ones: a batch is padded to its longest.
        pending = sorted(missing.items(), key=lambda item: len(item[1]))
        for start in range(0, len(pending), 256):
            some_texts = pending[start : start + 256]
            vectors = embedder.embed([Content(text) for _, text in some_texts], role)
            rows = [(key, vector.tobytes()) for (key, _), vector in zip(some_texts, vectors, strict=True)]
            found.update(rows)
            store.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
            store.commit()
    return np.stack([np.frombuffer(found[key], dtype=np.float32) for key in keys])
