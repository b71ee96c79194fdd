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

logger = logging.getLogger(__name__)

APPLICATION = 0x74616D73
"""Marks the file as a score cache ("tams"): no other SQLite file is ever written to."""
VERSION = 1
WAIT_S = 10.0
"""How long a writer waits for another one, in this process or in others."""

_MAGIC = b"SQLite format 3\x00"
_MARK = slice(68, 72)
_TABLE = """
CREATE TABLE IF NOT EXISTS scores (
    key BLOB PRIMARY KEY, score BLOB NOT NULL, checksum INTEGER NOT NULL, used INTEGER NOT NULL
) WITHOUT ROWID
"""
_MANY = 400

T = TypeVar("T")


class ScoreFile:
    """Scores by 32-byte key, at most ``rows`` of them and a hundredth more, those used last.

    Opened on first use. Locked for long, or on a full disk, it is passed over with a warning; damaged, it is put aside
    under another name with a warning and begun anew. Every row has a checksum of its own.
    """

    def __init__(self, path: Path, rows: int) -> None:
        self._path, self._rows = path, rows
        self._lock = threading.Lock()
        # Scores added since the rows were counted: enough at first, since nobody has counted them.
        self._added = rows
        self._open: sqlite3.Connection | None = None
        self._pid = os.getpid()

    def get(self, keys: Sequence[bytes]) -> dict[bytes, float]:
        """The scores of those keys that have one."""
        wanted = list(dict.fromkeys(keys))
        return self._done(lambda db: self._read(db, wanted), {}) if wanted else {}

    def put(self, fresh: Mapping[bytes, float]) -> None:
        """Remembers scores, and forgets those unused for longest where there are too many."""
        if fresh:
            self._done(lambda db: self._write(db, fresh), None)

    def clear(self) -> None:
        """Forgets everything."""
        self._done(lambda db: db.execute("DELETE FROM scores") and None, None)

    def close(self) -> None:
        """Closes the connection; the next use opens it again."""
        with self._lock:
            self._hang_up()

    def _read(self, db: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, float]:
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
        now = time.time_ns()
        db.executemany("UPDATE scores SET used = ? WHERE key = ?", [(now, key) for key in found])
        return found

    def _write(self, db: sqlite3.Connection, fresh: Mapping[bytes, float]) -> None:
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

    def _done(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """What comes of the work in a transaction of its own; ``otherwise`` where the file cannot be used."""
        with self._lock:
            for _ in range(2):
                try:
                    db = self._connected()
                    with db:
                        return work(db)
                except sqlite3.OperationalError as error:
                    logger.warning("the score cache %s is passed over: %s", self._path, error)
                    return otherwise
                except (sqlite3.DatabaseError, OSError) as error:
                    self._hang_up()
                    if not self._put_aside(error):
                        return otherwise
            return otherwise

    def _connected(self) -> sqlite3.Connection:
        if self._pid != os.getpid():
            # After a fork the connection is the parent's, and closing it here would take the parent's locks away.
            self._open, self._pid = None, os.getpid()
        if self._open is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._open = _opened(self._path)
        return self._open

    def _hang_up(self) -> None:
        if self._open is not None and self._pid == os.getpid():
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


def _opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=WAIT_S, check_same_thread=False)
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
