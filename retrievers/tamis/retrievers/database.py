"""Where a store's Chroma is: in a folder, shared by the stores of this process, or on a server."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from tamis.core.errors import StoreError, StoreMissing

from .lock import Writer, WriterLock, last_writer
from .place import Server

# How often a reader opens the database anew while another process keeps writing.
_PATIENCE_S = 2.0
_TICK_NS = 2 * 10**9
LOCK = "writer.lock"
_LEFT_BEHIND: list[Any] = []


class Database:
    """An embedded Chroma in a store's folder: one for each folder and process, opened anew when others have written.

    Chroma keeps its vector index in memory. A process does not see there what another one adds, and when it then
    writes itself, it saves its own index over the other's: those vectors are lost for good. So the last writer is
    looked at before every write and search.
    """

    _open: ClassVar[dict[Path, "Database"]] = {}
    _opening: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, folder: Path) -> None:
        self._lock = WriterLock(folder / LOCK)
        self.shared = False
        self._folder = folder
        self._users = 0
        self._generation = 0
        self._guard = threading.RLock()
        self._seen = last_writer(folder / LOCK)
        # Never, so far: the first time others write is followed at once.
        self._opened_at = -_PATIENCE_S
        self._client = _embedded(folder / "chroma", 0)
        self._process = os.getpid()
        self._retired: list[Any] = []
        self._stamp = 0
        self._collections: dict[str, Any] = {}

    @classmethod
    def at(cls, folder: Path) -> "Database":
        """The database of a store's folder, to be given back by ``release``. Raises StoreError."""
        with cls._opening:
            database = cls._open.get(folder)
            if database is None:
                database = cls._open[folder] = cls(folder)
            database._users += 1
            return database

    def release(self) -> None:
        """Closes Chroma when the last store of this process lets go."""
        with self._opening:
            self._users -= 1
            if self._users == 0:
                self._open.pop(self._folder, None)
                for client in (*self._retired, self._client):
                    client.close()

    def client(self) -> Any:
        """Chroma as it is open now."""
        self._follow_fork()
        return self._client

    def collection(self, name: str) -> Any:
        """A collection of it. Raises Chroma's NotFoundError."""
        self._follow_fork()
        with self._guard:
            if name not in self._collections:
                self._collections[name] = self._client.get_collection(name, embedding_function=None)
            return self._collections[name]

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Keeps other processes from writing, on Chroma as they have left it. Raises StoreLocked."""
        with self._lock:
            self._follow(self._lock.previous, now=True)
            yield

    def refresh(self) -> None:
        """Opens Chroma anew if another process has written since."""
        try:
            stamp = os.stat(self._folder / LOCK).st_mtime_ns
        except OSError:
            return
        # Read only when it was written since, or so lately that a second writing may bear the same time.
        if stamp != self._stamp or time.time_ns() - stamp < _TICK_NS:
            self._follow(last_writer(self._folder / LOCK), now=False)
            self._stamp = stamp if self._seen == last_writer(self._folder / LOCK) else 0

    def _follow(self, writer: Writer | None, now: bool) -> None:
        if writer is None or writer == self._seen:
            return
        with self._guard:
            if writer.is_this_process:
                self._seen = writer
            elif writer != self._seen and (now or time.monotonic() - self._opened_at >= _PATIENCE_S):
                self._reopen()
                self._seen = writer
                self._opened_at = time.monotonic()

    def _follow_fork(self) -> None:
        """A forked process opens Chroma anew: it has a copy of the client, and none of the threads that serve it."""
        if self._process == os.getpid():
            return
        with self._guard:
            if self._process != os.getpid():
                # Never closed here: that would wait for those threads.
                _LEFT_BEHIND.extend((*self._retired, self._client))
                self._generation += 1
                self._retired = []
                self._client = _embedded(self._folder / "chroma", self._generation)
                self._collections = {}
                self._process = os.getpid()

    def _reopen(self) -> None:
        self._generation += 1
        self._retired.append(self._client)
        self._client = _embedded(self._folder / "chroma", self._generation)
        self._collections = {}
        # Searches may be under way in the one before; whoever holds LlamaIndex's view of it keeps it for good.
        while len(self._retired) > 1 and not self.shared:
            self._retired.pop(0).close()


class Remote:
    """A Chroma server, which keeps its writers apart by itself."""

    def __init__(self, client: Any) -> None:
        self.shared = False
        self._client = client
        self._collections: dict[str, Any] = {}

    def client(self) -> Any:
        """The client of the server."""
        return self._client

    def collection(self, name: str) -> Any:
        """A collection on it. Raises Chroma's NotFoundError."""
        if name not in self._collections:
            self._collections[name] = self._client.get_collection(name, embedding_function=None)
        return self._collections[name]

    def writing(self) -> contextlib.AbstractContextManager[None]:
        """Nothing to do: the server sees to it."""
        return contextlib.nullcontext()

    def release(self) -> None:
        """Closes the connections."""
        self._client.close()
        # Chroma leaves the connections, of the client and of one inside it, to the garbage collector.
        for client in (self._client, getattr(self._client, "_admin_client", None)):
            session = getattr(getattr(client, "_server", None), "_session", None)
            if session is not None:
                session.close()


def _embedded(folder: Path, generation: int) -> Any:
    import chromadb
    from chromadb.config import Settings

    # Chroma gives the same object for the same path; spelled in another way it opens the files again.
    path = str(folder) + "/." * generation
    try:
        return chromadb.PersistentClient(path, settings=Settings(anonymized_telemetry=False))
    except BaseException as error:
        # A damaged database makes Chroma's core panic, which is no Exception.
        if isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
            raise
        raise StoreError(f"Chroma cannot open {folder}: {error}; restore it, or build the store anew") from error


def server_client(server: Server, headers: Mapping[str, str] | None) -> Any:
    """A client of a Chroma server, without telemetry. Raises StoreMissing if none answers."""
    import chromadb
    import httpx
    from chromadb.config import Settings
    from chromadb.errors import ChromaError

    try:
        return chromadb.HttpClient(
            host=server.host,
            port=server.port,
            ssl=server.secure,
            headers=dict(headers or {}),
            settings=Settings(anonymized_telemetry=False),
        )
    except (ValueError, ChromaError, httpx.HTTPError) as error:
        raise StoreMissing(f"no Chroma server answers at {server.host}:{server.port}: {error}; start it") from error
