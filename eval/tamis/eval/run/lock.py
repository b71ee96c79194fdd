"""One writer to a run's folder at a time, across processes: a lock that the system takes back when its holder dies."""

import os
import sys
from pathlib import Path

from .errors import RunLocked

FILE = "lock"


def lock(folder: Path) -> int:
    """Takes the folder's lock and returns the descriptor that holds it; closing that gives it back.

    Raises RunLocked, naming the process that has it.
    """
    file = folder / FILE
    # The file stays when the lock is given back: another process may be trying this very file.
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
    try:
        _lock(descriptor)
    except OSError as error:
        os.close(descriptor)
        raise RunLocked(
            f"{folder}: process {_holder(file)} is writing to this run; wait until it is done, end it, "
            "or name another folder"
        ) from error
    text = f"{os.getpid()}\n".encode("ascii")
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, text)
    os.ftruncate(descriptor, len(text))
    return descriptor


def _holder(file: Path) -> str:
    try:
        return str(int(file.read_text("ascii")))
    except (OSError, ValueError):
        return "unknown"


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
