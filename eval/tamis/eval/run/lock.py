"""One writer to a run's folder at a time, across processes: a lock that the system takes back when its holder dies."""

import os
from pathlib import Path

from tamis.core.file_lock import LockHeld, open_locked, sign

from .errors import RunLocked

FILE = "lock"


def lock(folder: Path) -> int:
    """Takes the folder's lock and returns the descriptor that holds it; closing that gives it back.

    Raises RunLocked, naming the process that has it, and OSError where the folder cannot be written.
    """
    file = folder / FILE
    try:
        descriptor = open_locked(file)
    except LockHeld as error:
        raise RunLocked(
            f"{folder}: process {_holder(file)} is writing to this run; wait until it is done, end it, "
            "or name another folder"
        ) from error
    sign(descriptor, str(os.getpid()))
    return descriptor


def _holder(file: Path) -> str:
    try:
        return str(int(file.read_text("ascii")))
    except (OSError, ValueError):
        return "unknown"
