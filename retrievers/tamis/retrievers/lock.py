"""One writer at a time, across processes: a lock that the system takes back when its holder dies."""

import os
import threading
import uuid
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from tamis.core.errors import StoreLocked
from tamis.core.file_lock import open_locked, sign


class Writer(NamedTuple):
    """Who wrote last: the process, a name that no other process has, and how many writes it had done."""

    pid: str
    process: str
    writes: int

    @property
    def is_this_process(self) -> bool:
        """Whether it was this very process, not one that had its number before."""
        return self.process == _this_process(os.getpid())


class WriterLock:
    """An advisory lock on a file, which also says who wrote last.

    Entering raises StoreLocked, naming the process that holds it, at once rather than waiting; another thread of this
    process waits. The thread that holds it may enter again; each leaving counts as a write.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._threads = threading.RLock()
        self._depth = 0
        self._writes = 0
        self._descriptor = -1
        self.previous: Writer | None = None
        """Who had written last when this lock was taken."""

    def __enter__(self) -> "WriterLock":
        self._threads.acquire()
        try:
            if self._depth == 0:
                self._descriptor = _locked(self._file)
                self.previous = last_writer(self._file)
                self._sign()
        except BaseException:
            self._threads.release()
            raise
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        self._sign()
        if self._depth == 0:
            # The file stays: another process may be trying this very file.
            os.close(self._descriptor)
        self._threads.release()

    def _sign(self) -> None:
        self._writes += 1
        sign(self._descriptor, f"{os.getpid()} {_this_process(os.getpid())} {self._writes}")


def last_writer(file: Path) -> Writer | None:
    """Who wrote last, or is writing; None if nobody did or nobody can tell."""
    try:
        pid, process, writes = file.read_text(encoding="ascii").split()
        return Writer(pid, process, int(writes))
    except (OSError, ValueError):
        return None


@cache
def _this_process(pid: int) -> str:
    return uuid.uuid4().hex


def _locked(file: Path) -> int:
    try:
        return open_locked(file)
    except OSError as error:
        holder = last_writer(file)
        raise StoreLocked(
            f"process {holder.pid if holder else 'unknown'} is writing to the store in {file.parent}; "
            "wait until it is done, or end it"
        ) from error
