"""Where a store is: a folder with an embedded Chroma, or a Chroma server."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from tamis.core.errors import BadSetting

# Cosine whatever the vectors' length. A search list of 128 finds the true 100 nearest of 100,000 clustered vectors
# (recall 0.9997 with 100, which is Chroma's own, 1.0 with 150; see benchmarks/hybrid_speed.py for the data).
HNSW = {"space": "cosine", "ef_construction": 200, "ef_search": 128, "max_neighbors": 16}

# Chroma writes the graph down after so many changes, and makes what came later anew, and differently, in every process
# that opens it: the last of the nearest would change from run to run.
EMBEDDED_HNSW = {**HNSW, "sync_threshold": 2}


class Server(NamedTuple):
    """A Chroma server's address."""

    host: str
    port: int
    secure: bool


def server_of(place: str | os.PathLike[str]) -> Server | None:
    """The server that a place names; None if it is a folder. Raises BadSetting for a URL that names no server.

    >>> server_of("http://localhost:8000")
    Server(host='localhost', port=8000, secure=False)
    >>> server_of("stores/mine") is None
    True
    """
    text = os.fspath(place)
    if "://" not in text:
        return None
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise BadSetting(f"{text!r} is no address of a Chroma server: {error}") from error
    if url.scheme not in ("http", "https") or not url.hostname or url.path.strip("/") or url.query:
        raise BadSetting(f"{text!r} is no address of a Chroma server; write http://HOST:PORT or https://HOST:PORT")
    return Server(url.hostname, port or (443 if url.scheme == "https" else 8000), url.scheme == "https")


def cache_folder(place: str, collection: str) -> Path:
    """Where this machine keeps the BM25 index of a server's collection."""
    root = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
    name = hashlib.sha256(f"{place.rstrip('/')}\n{collection}".encode()).hexdigest()[:24]
    return Path(root) / "tamis" / "bm25" / name
