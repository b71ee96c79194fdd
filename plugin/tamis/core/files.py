"""Reads files that lie inside allowed folders, and no others, whatever links and races lead elsewhere."""

import os
import stat
from collections.abc import Sequence

from .errors import MediaBroken, MediaRefused, MediaTooLarge

_CHUNK = 1 << 20


def read_file(path: str, roots: Sequence[str], max_bytes: int, source: object) -> bytes:
    """The bytes of a regular file inside one of the roots; ``source`` names it in errors.

    Raises MediaRefused outside the roots (the same whether or not anything is there) and for anything but a regular
    file, MediaBroken for what is missing or unreadable, MediaTooLarge for more than ``max_bytes``.
    """
    root, parts = _inside(path, roots, source)
    try:
        handle = _open_beneath(root, parts, source)
    except FileNotFoundError as error:
        raise MediaBroken(f"{source} does not exist") from error
    except OSError as error:
        raise MediaBroken(f"{source} cannot be read: {error.strerror}") from error
    try:
        size = os.fstat(handle).st_size
        if size > max_bytes:
            raise MediaTooLarge(f"{source} has {size} bytes; max_bytes is {max_bytes}")
        return _read_bounded(handle, max_bytes, source)
    except OSError as error:
        raise MediaBroken(f"{source} cannot be read: {error.strerror}") from error
    finally:
        os.close(handle)


def _inside(path: str, roots: Sequence[str], source: object) -> tuple[str, list[str]]:
    """The root that holds the path and the path's parts below it, after resolving every link on both sides."""
    if "\0" in path:
        raise MediaRefused(f"{source} contains a NUL character")
    try:
        target = os.path.realpath(path)
        for root in roots:
            resolved = os.path.realpath(root)
            # Compared part by part, so that /data does not allow /data2.
            if os.path.commonpath([os.path.normcase(resolved), os.path.normcase(target)]) == os.path.normcase(resolved):
                below = os.path.relpath(target, resolved)
                return resolved, [part for part in below.split(os.sep) if part != os.curdir]
    except ValueError as error:
        raise MediaRefused(f"{source} cannot be resolved: {error}") from error
    except OSError as error:
        raise MediaRefused(f"{source} cannot be resolved: {error.strerror}") from error
    allowed = ", ".join(roots) if roots else "none is"
    raise MediaRefused(
        f"{source} is not inside an allowed folder ({allowed}); allow one with MediaPolicy(roots=(FOLDER,))"
    )


def _open_beneath(root: str, parts: Sequence[str], source: object) -> int:
    """An open descriptor of a regular file, reached from the root one folder at a time without following links.

    The path was resolved before; a link met now was put there since then, to lead out of the root.
    """
    if not parts:  # the root itself: a single file may be allowed too
        root, name = os.path.split(root)
        parts = [name or os.curdir]
    if os.open not in os.supports_dir_fd or os.stat not in os.supports_dir_fd:
        return _open_regular(os.path.join(root, *parts), None, source)
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            below = os.open(part, flags, dir_fd=folder)
            os.close(folder)
            folder = below
        return _open_regular(parts[-1], folder, source)
    finally:
        os.close(folder)


def _open_regular(name: str, folder: int | None, source: object) -> int:
    # Looked at before opening: opening a device can have effects, and opening a FIFO waits for a writer.
    _check_regular(os.stat(name, dir_fd=folder, follow_symlinks=False), source)
    flags = os.O_RDONLY
    for optional in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
        flags |= getattr(os, optional, 0)
    handle = os.open(name, flags, dir_fd=folder)
    try:
        _check_regular(os.fstat(handle), source)
    except MediaRefused:
        os.close(handle)
        raise
    return handle


def _check_regular(status: os.stat_result, source: object) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a device, pipe, socket or link"
    raise MediaRefused(f"{source} is {kind}, not a regular file")


def _read_bounded(handle: int, max_bytes: int, source: object) -> bytes:
    """Everything in the file, unless that is more than the bound: a file may grow, and /proc reports no sizes."""
    chunks: list[bytes] = []
    total = 0
    while chunk := os.read(handle, min(_CHUNK, max_bytes + 1 - total)):
        chunks.append(chunk)
        total += len(chunk)
        if total > max_bytes:
            raise MediaTooLarge(f"{source} has more than {max_bytes} bytes, which is max_bytes")
    return b"".join(chunks)
