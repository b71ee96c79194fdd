"""An advisory lock on a file, between processes: the system takes it back when its holder dies."""

import os
import sys
from pathlib import Path


def open_locked(file: Path) -> int:
    """Opens a file, made where it is missing, and locks it at once or not at all; closing the descriptor gives it back.

    The file is to stay when that is done: another process may be trying this very file. Raises OSError where another
    process has it.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _lock(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def sign(descriptor: int, text: str) -> None:
    """Makes an ASCII text all that a locked file holds: who has the lock. Others may read it meanwhile."""
    signature = f"{text}\n".encode("ascii")
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, signature)
    os.ftruncate(descriptor, len(signature))


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        # Far behind the text, so that others can still read whose lock it is.
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
