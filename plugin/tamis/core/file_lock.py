"""An advisory lock on a file, between processes: the system takes it back when its holder dies."""

import errno
import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

# What the systems say of a lock that another has: flock, lockf and Windows.
_HELD = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK})
_locked: dict[int, tuple[int, int]] = {}
"""Descriptors that hold a lock, each with what tells its file from any other that is opened under that number later."""


class LockHeld(OSError):
    """Another process has the lock."""


def open_locked(file: Path) -> int:
    """Opens a file, made where it is missing, and locks it at once or not at all; closing the descriptor gives it back.

    The file is to stay when that is done: another process may be trying this very file. A child that this process
    forks has no part in the lock. Raises LockHeld where another process has it, OSError where it cannot be opened.
    """
    _leave_children_without()
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _lock(descriptor)
        _locked[descriptor] = _identity(descriptor)
    except OSError as error:
        os.close(descriptor)
        if error.errno in _HELD:
            raise LockHeld(error.errno, error.strerror, str(file)) from error
        raise
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


@cache
def _leave_children_without() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_close_in_child)


def _close_in_child() -> None:
    """The lock lasts as long as any process has its descriptor: a child's would outlive a parent that was killed."""
    for descriptor, identity in _locked.items():
        with suppress(OSError):
            if _identity(descriptor) == identity:
                os.close(descriptor)
    _locked.clear()


def _identity(descriptor: int) -> tuple[int, int]:
    about = os.fstat(descriptor)
    return about.st_dev, about.st_ino


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
