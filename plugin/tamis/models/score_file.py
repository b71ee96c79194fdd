"""Scores by key in an SQLite file that threads and processes share, bounded, and mistrusted where it is read."""

import logging
import math
import os
import sqlite3
import struct
import threading
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from tamis.core.errors import BadSetting

from .deadline import time_left

logger = logging.getLogger(__name__)

APPLICATION = 0x74616D73
"""Marks the file as a score cache ("tams"): no other SQLite file is ever written to."""
VERSION = 1
WAIT_S = 10.0
"""How long a writer waits for another one, in this process or in others, where its deadline does not come first."""
SHORT_S = 0.02
"""How long it waits to note what was used, and to write where it has waited in vain before."""
PAUSE_S = 0.005

_MAGIC = b"SQLite format 3\x00"
_MARK = slice(68, 72)
_TABLE = """
CREATE TABLE IF NOT EXISTS scores (
    key BLOB PRIMARY KEY, score BLOB NOT NULL, checksum INTEGER NOT NULL, used INTEGER NOT NULL
) WITHOUT ROWID
"""
_MANY = 400

T = TypeVar("T")

_parents: list[sqlite3.Connection] = []
"""Connections of the process that this one was forked from: closing one may wait for ever for a thread of that one."""


class ScoreFile:
    """Scores by 32-byte key, at most ``rows`` of them and a hundredth more, those used last.

    Opened on first use. Locked for long, or on a full disk, it is passed over with a warning; damaged, it is put aside
    under another name with a warning and begun anew. Every row has a checksum of its own. What is there can be read
    while another process writes. Nobody waits longer than the deadline leaves (see ``deadline``).
    """

    def __init__(self, path: Path, rows: int) -> None:
        self._path, self._rows = path, rows
        # By process: a fork copies a lock as it is, and whoever held it is not there to open it.
        self._locks: dict[int, threading.Lock] = {}
        self._patience_s = WAIT_S
        # Scores added since the rows were counted: enough at first, since nobody has counted them.
        self._added = rows
        self._open: sqlite3.Connection | None = None
        self._pid = os.getpid()

    def get(self, keys: Sequence[bytes]) -> dict[bytes, float]:
        """The scores of those keys that have one."""
        wanted = list(dict.fromkeys(keys))
        nothing: dict[bytes, float] = {}
        found = self._done(lambda db: _read(db, wanted), nothing, WAIT_S) if wanted else nothing
        if found:
            # Apart from reading, which needs no lock of the file; one that is lost makes a row seem older than it is.
            self._done(lambda db: _touch(db, list(found)), None, SHORT_S, level=logging.DEBUG)
        return found

    def put(self, fresh: Mapping[bytes, float]) -> None:
        """Remembers scores, and forgets those unused for longest where there are too many."""
        if fresh:
            done = self._done(lambda db: self._write(db, fresh), False, self._patience_s)
            # A file that somebody keeps locked costs the full time once, and not in every call.
            self._patience_s = WAIT_S if done else SHORT_S

    def clear(self) -> None:
        """Forgets everything."""
        self._done(lambda db: db.execute("DELETE FROM scores") and None, None, WAIT_S)

    def close(self) -> None:
        """Closes the connection; the next use opens it again."""
        with self._lock:
            self._hang_up()

    @property
    def _lock(self) -> threading.Lock:
        return self._locks.setdefault(os.getpid(), threading.Lock())

    def _write(self, db: sqlite3.Connection, fresh: Mapping[bytes, float]) -> bool:
        now = time.time_ns()
        rows = [(key, packed := struct.pack("<d", score), _checksum(key, packed), now) for key, score in fresh.items()]
        db.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?)", rows)
        self._added += len(rows)
        # Counting goes through all rows, so it is done once for every hundredth of them.
        if self._added >= max(1, self._rows // 100):
            self._added = 0
            (there,) = db.execute("SELECT COUNT(*) FROM scores").fetchone()
            db.execute(
                "DELETE FROM scores WHERE key IN (SELECT key FROM scores ORDER BY used LIMIT ?)",
                (max(0, there - self._rows),),
            )
        return True

    def _done(
        self, work: Callable[[sqlite3.Connection], T], otherwise: T, wait_s: float, level: int = logging.WARNING
    ) -> T:
        """What comes of the work in a transaction of its own; ``otherwise`` where the file cannot be used.

        A locked file is tried again for ``wait_s``, and never waited for with this object's lock: threads that read
        what is there go on meanwhile. ``level`` is that of what is logged.
        """
        left = time_left()
        until = time.monotonic() + (wait_s if left is None else min(wait_s, left))
        for begun_anew in (False, True):
            while True:
                if not self._lock.acquire(timeout=max(0.0, until - time.monotonic())):
                    logger.log(level, "the score cache %s is passed over: other threads are in it", self._path)
                    return otherwise
                try:
                    db = self._connected()
                    with db:
                        return work(db)
                except sqlite3.OperationalError as error:
                    if not _is_locked(error) or time.monotonic() >= until:
                        logger.log(level, "the score cache %s is passed over: %s", self._path, error)
                        return otherwise
                except (sqlite3.DatabaseError, OSError) as error:
                    self._hang_up()
                    if begun_anew or not self._put_aside(error):
                        return otherwise
                    break
                finally:
                    self._lock.release()
                time.sleep(PAUSE_S)
        return otherwise

    def _connected(self) -> sqlite3.Connection:
        if self._pid != os.getpid():
            # After a fork the connection is the parent's.
            if self._open is not None:
                _parents.append(self._open)
            self._open, self._pid = None, os.getpid()
        if self._open is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._open = _opened(self._path)
        return self._open

    def _hang_up(self) -> None:
        if self._open is not None and self._pid != os.getpid():
            _parents.append(self._open)
        elif self._open is not None:
            self._open.close()
        self._open = None

    def _put_aside(self, error: Exception) -> bool:
        """Renames a damaged file; whether a new one can be begun."""
        aside = self._path.with_name(f"{self._path.name}.damaged-{time.time_ns()}")
        try:
            os.replace(self._path, aside)
            for ending in ("-wal", "-shm"):
                self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
        except OSError as failure:
            logger.warning("the score cache %s is passed over: %s; %s", self._path, error, failure)
            return False
        logger.warning("the score cache %s is damaged (%s): put aside as %s, begun anew", self._path, error, aside.name)
        return True


def _read(db: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, float]:
    found: dict[bytes, float] = {}
    for start in range(0, len(keys), _MANY):
        some = keys[start : start + _MANY]
        marks = ",".join("?" * len(some))
        for key, score, checksum in db.execute(
            f"SELECT key, score, checksum FROM scores WHERE key IN ({marks})",  # only question marks
            some,
        ).fetchall():
            value = _unpacked(key, score, checksum)
            if value is not None:
                found[key] = value
    return found


def _touch(db: sqlite3.Connection, keys: Sequence[bytes]) -> None:
    now = time.time_ns()
    db.executemany("UPDATE scores SET used = ? WHERE key = ?", [(now, key) for key in keys])


def _is_locked(error: sqlite3.Error) -> bool:
    """Whether another process has the file; the low byte tells, the others say of what kind."""
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _opened(path: Path) -> sqlite3.Connection:
    # Without waiting: that is done elsewhere, with nothing held.
    db = sqlite3.connect(path, timeout=0, check_same_thread=False)
    try:
        (mark,) = db.execute("PRAGMA application_id").fetchone()
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if mark != APPLICATION:
            (tables,) = db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
            if tables:
                raise sqlite3.OperationalError("it is another program's SQLite file")
            # Before the write-ahead log: whoever looks at the file's head finds the mark there.
            db.execute(f"PRAGMA application_id = {APPLICATION}")
        db.execute("PRAGMA journal_mode = WAL")
        # A crash of the machine may lose the last scores, never the file.
        db.execute("PRAGMA synchronous = NORMAL")
        if version not in (0, VERSION):
            db.execute("DROP TABLE IF EXISTS scores")
        db.execute(_TABLE)
        if version != VERSION:
            # Nothing is written into a file that is as it should be: it may be locked, and can be read all the same.
            db.execute(f"PRAGMA user_version = {VERSION}")
        db.commit()
    except BaseException:
        db.close()
        raise
    return db


def refuse_foreign(path: Path) -> None:
    """Raises BadSetting for a file that is there and no score cache: nothing of anybody else's is written over."""
    if path.is_dir():
        raise BadSetting(f"{path} is a folder; name a file for the score cache")
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except FileNotFoundError:
        return
    except OSError as error:
        raise BadSetting(f"{path} cannot be read as a score cache: {error}") from error
    if head and not (head.startswith(_MAGIC) and head[_MARK] == APPLICATION.to_bytes(4, "big")):
        raise BadSetting(f"{path} is there and no score cache; name another file, or delete it")


def _checksum(key: bytes, packed: bytes) -> int:
    return zlib.crc32(key + packed)


def _unpacked(key: object, packed: object, checksum: object) -> float | None:
    """A row's score; None for one that is not as it was written."""
    if not isinstance(key, bytes) or not isinstance(packed, bytes) or len(packed) != 8:
        return None
    if checksum != _checksum(key, packed):
        return None
    (score,) = struct.unpack("<d", packed)
    return float(score) if math.isfinite(score) else None
