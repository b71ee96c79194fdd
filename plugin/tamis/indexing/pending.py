"""The files whose passages are about to be written, in a journal that only grows until the ledger is saved."""

import contextlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from tamis.core.atomic import write_bytes


class PendingFiles:
    """The document ids of batches that may be in the store in part, one JSON list a line.

    To write down a batch costs the same however many files the ledger knows.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[str]:
        """The ids of all batches noted; a line that a crash has torn is passed over, its batch was never begun."""
        try:
            lines = self.path.read_bytes().splitlines()
        except OSError:
            return []
        found: dict[str, None] = {}
        for line in lines:
            with contextlib.suppress(ValueError, RecursionError):
                ids = json.loads(line)
                found |= dict.fromkeys(id for id in ids if isinstance(id, str)) if isinstance(ids, list) else {}
        return list(found)

    def note(self, document_ids: Sequence[str]) -> None:
        """Adds a batch; it is on the disk when this returns. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            # The line end goes first: what a crash has torn ends there.
            file.write(_line(document_ids))
            file.flush()
            os.fsync(file.fileno())

    def keep(self, document_ids: Sequence[str]) -> None:
        """Forgets all others. Raises OSError."""
        if document_ids:
            write_bytes(self.path, _line(document_ids))
        else:
            self.path.unlink(missing_ok=True)


def _line(document_ids: Sequence[str]) -> bytes:
    return f"\n{json.dumps(list(document_ids))}".encode("ascii")
