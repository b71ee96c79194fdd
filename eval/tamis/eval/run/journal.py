"""The journal of a run, ``journal.jsonl``: one finished (case, variant) a line, checksummed, written once for all.

A line is ``{"crc32":"0a1b2c3d","record":{...}}``, in ASCII; the checksum is that of the bytes of the record as they
stand there. A record counts when the fsync that covers its line has returned. One fsync may cover many.
"""

import errno
import json
import logging
import os
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple
from zlib import crc32

from tamis.core.errors import BadInput

from .errors import RunStopped
from .lock import lock
from .record import Record

FILE = "journal.jsonl"
_START = b'{"crc32":"'
_MIDDLE = b'","record":'
_END = b"}\n"
_HEAD = len(_START) + 8 + len(_MIDDLE)
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_log = logging.getLogger(__name__)


def line_of(record: Record) -> bytes:
    """A record as its line. Raises ValueError for a number in it that is not finite, TypeError for what is no JSON."""
    return _framed(json.dumps(record.to_json(), allow_nan=False, separators=(",", ":")).encode("ascii"))


def _framed(payload: bytes) -> bytes:
    return b"%s%08x%s%s%s" % (_START, crc32(payload), _MIDDLE, payload, _END)


def _payload(line: bytes) -> bytes | None:
    """The record's bytes in a line; None where the line is not whole or not what was written."""
    payload = line[_HEAD : -len(_END)]
    return payload if _framed(payload) == line else None


class _Line(NamedTuple):
    end: int
    written: dict[str, Any]


def _lines(file: Path) -> Iterator[_Line]:
    """The whole lines of a journal, each with where it ends; a damaged tail is left out.

    Raises BadInput for damage that has a whole line after it, naming file and line.
    """
    damaged = 0
    end = 0
    with file.open("rb") as opened:
        for number, line in enumerate(opened, start=1):
            payload = _payload(line)
            if payload is None:
                damaged = damaged or number
                continue
            if damaged:
                raise BadInput(
                    f"{file}, line {damaged}: damaged, though whole lines follow it, which no interrupted write does; "
                    "take that line out to have its case run again, or name another folder"
                )
            end += len(line)
            yield _Line(end, json.loads(payload))


def records(folder: Path) -> Iterator[Record]:
    """What the journal in a folder holds, in the order in which it was finished; nothing where there is no journal.

    A damaged tail is left out with a warning. Raises BadInput for damage anywhere else.
    """
    file = folder / FILE
    if not file.exists():
        return
    end = 0
    for line in _lines(file):
        end = line.end
        yield Record.of(line.written)
    _warn_of_tail(file, end)


def _warn_of_tail(file: Path, end: int) -> int:
    """How many bytes stand behind the last whole line, and a warning of them."""
    tail = file.stat().st_size - end
    if tail > 0:
        _log.warning("%s: its last %d bytes are damaged and left out; what they held is run again", file, tail)
    return tail


class Journal:
    """The journal of a folder, open for writing: by this process alone.

    Opening it reads what is there, and cuts a damaged tail with a warning. ``done`` has, for each variant's key, the
    numbers of the cases that have a record. Raises RunLocked where another process is writing, BadInput for damage
    that is not at the end.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done: dict[str, set[int]] = {}
        self._lock = lock(folder)
        try:
            self._length = self._read()
            self._file = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
            os.ftruncate(self._file, self._length)
            os.lseek(self._file, 0, os.SEEK_END)
        except BaseException:
            os.close(self._lock)
            raise
        self._failure: RunStopped | None = None
        self._waiting: queue.SimpleQueue[tuple[bytes, Future[None]] | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="journal", daemon=True)
        self._writer.start()

    @property
    def count(self) -> int:
        """How many records are in it."""
        return sum(map(len, self.done.values()))

    def append(self, line: bytes) -> "Future[None]":
        """Hands over what ``line_of`` gave; its future is done when it is on the disk, or failed with RunStopped."""
        future: Future[None] = Future()
        # It cannot be cancelled any more: it is as good as written.
        future.set_running_or_notify_cancel()
        self._waiting.put((line, future))
        return future

    def close(self) -> None:
        """Waits until everything handed over is on the disk, and gives the folder back."""
        if self._lock >= 0:
            self._waiting.put(None)
            self._writer.join()
            os.close(self._file)
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self) -> int:
        file = self.folder / FILE
        if not file.exists():
            return 0
        end = 0
        for line in _lines(file):
            end = line.end
            seen = self.done.setdefault(line.written["variant"], set())
            if line.written["number"] in seen:
                raise BadInput(
                    f'{file}: case "{line.written["case"]}" has two records for {line.written["variant"]}; '
                    "the folder holds more than one run"
                )
            seen.add(line.written["number"])
        _warn_of_tail(file, end)
        return end

    def _write(self) -> None:
        """Runs in a thread of its own: takes all that waits, writes it, and lets one fsync cover it."""
        while (batch := self._batch()) is not None:
            if self._failure is None:
                self._commit(b"".join(line for line, _ in batch))
            for _, future in batch:
                if self._failure is None:
                    future.set_result(None)
                else:
                    future.set_exception(self._failure)

    def _batch(self) -> list[tuple[bytes, "Future[None]"]] | None:
        batch = []
        item = self._waiting.get()
        while item is not None:
            batch.append(item)
            try:
                item = self._waiting.get_nowait()
            except queue.Empty:
                return batch
        if batch:
            self._waiting.put(None)
        return batch or None

    def _commit(self, data: bytes) -> None:
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(self._file, left) :]
            os.fsync(self._file)
            self._length += len(data)
        except OSError as error:
            self._failure = RunStopped(f"{self.folder / FILE}: {_why(error)}")
            # A part of a line may stand there. Cutting needs no room; should it fail, the next run cuts.
            try:
                os.ftruncate(self._file, self._length)
            except OSError as left_behind:
                _log.warning("%s: a part of a line could not be cut: %s", self.folder / FILE, left_behind)


def _why(error: OSError) -> str:
    said = error.strerror or str(error)
    return f"there is no room to write on ({said})" if error.errno in _NO_ROOM else f"it cannot be written ({said})"
