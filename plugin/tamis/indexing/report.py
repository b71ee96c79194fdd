"""What a run of indexing did, file by file."""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple


class FileIssue(NamedTuple):
    """A file that is not in the store, and why; ``file`` is relative to the folder, with forward slashes."""

    file: str
    reason: str


@dataclass(frozen=True)
class IndexReport:
    """The counts of one run over one folder.

    ``new``, ``changed``, ``unchanged`` and ``removed`` count files; ``failed`` are files that should have been
    readable and are not, ``skipped`` are those Tamis does not read as things stand (an extra is missing, a kind it
    does not know, nothing in it). ``recoded`` counts text files that were not UTF-8, ``without_ocr`` images whose
    own text was not read because the ocr extra is missing. ``added`` are passages written by this run, ``passages``
    all that the store holds now.

    >>> IndexReport("docs", "store", new=2, added=9, passages=9, seconds=1.25).summary()
    '2 files new, 0 changed, 0 unchanged, 0 removed, 0 failed, 0 skipped; 9 passages in the store; 1.2 s'
    """

    directory: str
    store: str
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: tuple[FileIssue, ...] = ()
    skipped: tuple[FileIssue, ...] = ()
    recoded: int = 0
    without_ocr: int = 0
    added: int = 0
    passages: int = 0
    seconds: float = 0.0

    def summary(self) -> str:
        """The run in one line."""
        files = "file" if self.new == 1 else "files"
        passages = "passage" if self.passages == 1 else "passages"
        return (
            f"{self.new} {files} new, {self.changed} changed, {self.unchanged} unchanged, {self.removed} removed, "
            f"{len(self.failed)} failed, {len(self.skipped)} skipped; "
            f"{self.passages} {passages} in the store; {self.seconds:.1f} s"
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON; the issues as objects with "file" and "reason"."""
        data = asdict(self)
        data["failed"] = [issue._asdict() for issue in self.failed]
        data["skipped"] = [issue._asdict() for issue in self.skipped]
        data["seconds"] = round(self.seconds, 3)
        return data
