"""Finds the files of a folder that may be read: no hidden ones, no symbolic links, nothing of other tools."""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from os import PathLike
from pathlib import Path

from tamis.core.errors import BadInput

from .kinds import kind_of
from .report import FileIssue

_NOT_OURS = frozenset({"node_modules", "__pycache__"})


@dataclass(frozen=True)
class Found:
    """The files to read (relative, sorted), those left out by name, and what could not be looked at.

    ``images`` are all images, also those that fit no glob: they may have been indexed by another run.
    ``excluded`` says whether a file that was indexed before is now left out on purpose; ``unseen`` are folders
    that could not be listed, so that nothing can be said about the files in them.
    """

    root: Path
    files: tuple[str, ...]
    images: tuple[str, ...] = ()
    failed: tuple[FileIssue, ...] = ()
    skipped: tuple[FileIssue, ...] = ()
    unseen: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def gone(self, known: Iterable[str]) -> list[str]:
        """Those of the known files that are no longer there, or left out by ``exclude``; sorted.

        A file that is there but does not fit this run's globs stays, and so does one in a folder that could
        not be listed.
        """
        return sorted(relative for relative in known if self._is_gone(relative))

    def _is_gone(self, relative: str) -> bool:
        if any(folder == "." or relative.startswith(f"{folder}/") for folder in self.unseen):
            return False
        parts = relative.split("/")
        parents = ["/".join(parts[: end + 1]) for end in range(len(parts))]
        if any(matches(parent, self.exclude) for parent in parents):
            return True
        # Through a symbolic link it would be found again, but links are not followed.
        if any(os.path.islink(self.root / parent) for parent in parents):
            return True
        try:
            return not stat.S_ISREG((self.root / relative).lstat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            # What may not be looked at may well be there.
            return False


@dataclass
class _Walk:
    """One walk's findings while it is under way."""

    root: Path
    files: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    failed: list[FileIssue] = field(default_factory=list)
    skipped: list[FileIssue] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)


def matches(relative: str, patterns: Sequence[str]) -> bool:
    """Whether a relative path fits one of the patterns.

    A pattern without a slash is held against the name, at any depth; one with a slash against the whole relative
    path, where ``**/`` stands for any number of folders.

    >>> matches("docs/guide.md", ["*.md"]), matches("docs/a/b.md", ["docs/**/*.md"]), matches("a.md", ["docs/*"])
    (True, True, False)
    """
    name = relative.rpartition("/")[2]
    for pattern in patterns:
        pattern = pattern.removeprefix("./").rstrip("/")
        if "/" not in pattern:
            if fnmatchcase(name, pattern):
                return True
        elif fnmatchcase(relative, pattern) or fnmatchcase(relative, pattern.replace("**/", "")):
            return True
    return False


def check_folder(directory: str | PathLike[str]) -> Path:
    """The folder, resolved. Raises BadInput when it is missing, is none or cannot be listed."""
    root = Path(directory).expanduser().resolve()
    try:
        os.listdir(root)
    except FileNotFoundError as error:
        raise BadInput(f"there is no folder {root}") from error
    except NotADirectoryError as error:
        raise BadInput(f"{root} is not a folder; give the folder that holds it, and --glob to pick files") from error
    except OSError as error:
        raise BadInput(f"the folder {root} cannot be read: {error.strerror}") from error
    return root


def check_apart(root: Path, store: Path) -> None:
    """Raises BadInput where the folder to be read is the store's own."""
    if root == store.resolve():
        raise BadInput(f"{root} is the store itself; keep the store in a folder of its own")


def find_files(
    root: Path, *, glob: Sequence[str] = (), exclude: Sequence[str] = (), leave_out: Sequence[Path] = ()
) -> Found:
    """Lists the files of a folder that ``check_folder`` gave; ``leave_out`` are folders never entered (the store).

    Hidden files and folders, ``node_modules``, ``__pycache__``, virtual environments and stores are left out.
    Raises BadInput for a folder that is to be left out itself.
    """
    for folder in leave_out:
        check_apart(root, folder)
    walk = _Walk(root)
    resolved_out = {folder.resolve() for folder in leave_out}
    for folder, relative_folder, names in _folders(walk, exclude, resolved_out):
        for name in names:
            relative = f"{relative_folder}/{name}" if relative_folder else name
            if name.startswith(".") or matches(relative, exclude):
                continue
            if kind_of(name) == "image":
                walk.images.append(relative)
            if not glob or matches(relative, glob):
                _sort_in(walk, folder / name, relative)
    return Found(
        root,
        tuple(sorted(walk.files)),
        tuple(sorted(walk.images)),
        tuple(sorted(walk.failed)),
        tuple(sorted(walk.skipped)),
        tuple(walk.unseen),
        tuple(exclude),
    )


def _folders(walk: _Walk, exclude: Sequence[str], leave_out: set[Path]) -> Iterator[tuple[Path, str, list[str]]]:
    def unreadable(error: OSError) -> None:
        relative = Path(error.filename).relative_to(walk.root).as_posix()
        walk.unseen.append(relative)
        walk.failed.append(FileIssue(f"{relative}/", f"the folder cannot be read: {error.strerror}"))

    for folder_name, subfolders, names in os.walk(walk.root, onerror=unreadable, followlinks=False):
        folder = Path(folder_name)
        relative_folder = "" if folder == walk.root else folder.relative_to(walk.root).as_posix()
        subfolders[:] = sorted(
            name
            for name in subfolders
            if not name.startswith(".")
            and name not in _NOT_OURS
            and not os.path.isfile(folder / name / "pyvenv.cfg")
            and not matches(f"{relative_folder}/{name}" if relative_folder else name, exclude)
            and folder / name not in leave_out
        )
        for name in list(subfolders):
            relative = f"{relative_folder}/{name}" if relative_folder else name
            if os.path.islink(folder / name):
                subfolders.remove(name)
                _note_link(walk, folder / name, relative)
            elif _is_store(folder / name):
                subfolders.remove(name)
                walk.skipped.append(FileIssue(f"{relative}/", "a store of Tamis; what else is in it is not read"))
        yield folder, relative_folder, sorted(names)


def _is_store(folder: Path) -> bool:
    # Unlike pathlib's, these say no where the folder may not be looked into; the walk then says why.
    return os.path.isfile(folder / "writer.lock") and os.path.isfile(folder / "manifest.json")


def _sort_in(walk: _Walk, path: Path, relative: str) -> None:
    try:
        relative.encode()
    except UnicodeEncodeError:
        name = relative.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        walk.failed.append(FileIssue(name, "its name is no valid Unicode; rename it"))
        return
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        walk.failed.append(FileIssue(relative, f"cannot be looked at: {error.strerror}"))
        return
    if stat.S_ISLNK(mode):
        _note_link(walk, path, relative)
    elif stat.S_ISREG(mode):
        walk.files.append(relative)
    else:
        walk.skipped.append(FileIssue(relative, "not a regular file"))


def _note_link(walk: _Walk, path: Path, relative: str) -> None:
    """A link inside the folder needs no word, its target is read at its own place; one that leads out does."""
    try:
        inside = path.resolve(strict=True).is_relative_to(walk.root)
    except (OSError, RuntimeError):
        walk.skipped.append(FileIssue(relative, "a symbolic link that leads nowhere"))
        return
    if not inside:
        walk.skipped.append(FileIssue(relative, "a symbolic link that leads out of the folder; it is not followed"))
