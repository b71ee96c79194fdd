"""Files that are whole or not there: written beside their place, flushed to the disk, then put in it."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write bytes into; it takes the place of ``path`` at the end, and leaves no trace after an error.

    Whoever reads the path finds the old bytes or the new ones, after a crash and after a power cut too. Where the path
    is a symbolic link its target is written, and a device or a pipe is written into: it stays what it is. Raises
    OSError where it cannot be written (a full disk, a folder, no folder to write into).
    """
    if not _can_be_replaced(path):
        with open(path, "wb") as file:
            yield file
        return
    path = Path(os.path.realpath(path))
    unfinished = path.with_name(f".{path.name}.{token_hex(4)}.unfinished")
    try:
        with open(unfinished, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def write_bytes(path: Path, data: bytes) -> None:
    """The whole file at once, as ``atomic_file`` does it."""
    with atomic_file(path) as file:
        file.write(data)


def _can_be_replaced(path: Path) -> bool:
    """Whether nothing or a regular file is there. Raises IsADirectoryError for a folder."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return True
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder; name a file in it", str(path))
    return stat.S_ISREG(mode)


def _flush_folder(folder: Path) -> None:
    """Makes the new name last: a folder's entries are data of its own."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
