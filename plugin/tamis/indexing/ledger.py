"""What the store knows of each file: LlamaIndex's document store, kept in one file that a crash cannot tear."""

import json
import logging
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from llama_index.core.storage.docstore import SimpleDocumentStore

from .pending import PendingFiles

_logger = logging.getLogger(__name__)

_PENDING = "pending:"
_EMPTY = "empty:"
_SPARE = 20.0


class Ledger:
    """The fingerprint of each file by its document id, which is its absolute path.

    ``docstore`` is what LlamaIndex's ingestion pipeline compares and updates; here it is only opened, asked and
    written to disk. A ledger that is missing or torn (``lost``) costs time, never passages: files are read anew and
    replace themselves. What was being written when a run was killed stands in the journal beside it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost = False
        self.docstore = self._load()
        self._journal = PendingFiles(path.with_suffix(".pending.jsonl"))
        self._noted = dict.fromkeys(self._journal.read())
        self._begun = frozenset(id for id in self._noted if not self.knows(id))
        self.take_for_pending(self._noted)
        self._saved_at = time.monotonic()
        self._save_took = 0.0

    def _load(self) -> SimpleDocumentStore:
        try:
            loaded = SimpleDocumentStore.from_persist_path(str(self.path))
            # LlamaIndex takes any JSON; what is no list of files shows when it is used.
            loaded.get_all_document_hashes()
            return loaded
        except FileNotFoundError:
            self.lost = True
            return SimpleDocumentStore()
        except (OSError, ValueError, TypeError, AttributeError, LookupError) as error:
            _logger.warning(
                "the list of indexed files %s cannot be read (%s); every file is read anew", self.path, error
            )
            self.lost = True
            return SimpleDocumentStore()

    def fingerprint(self, document_id: str) -> str | None:
        """The fingerprint the file was indexed with; None when it is not, or not wholly, in the store."""
        known = self.docstore.get_document_hash(document_id)
        return None if not known or known.startswith((_PENDING, _EMPTY)) else known

    def knows(self, document_id: str) -> bool:
        """Whether passages of this file may be in the store, whole or in part."""
        known = self.docstore.get_document_hash(document_id)
        return bool(known) and not str(known).startswith(_EMPTY)

    def has_been_whole(self, document_id: str) -> bool:
        """Whether the file was in the store before: not where its very first writing was interrupted."""
        return self.knows(document_id) and document_id not in self._begun

    def is_empty(self, document_id: str, fingerprint: str) -> bool:
        """Whether this very file was read before and had nothing in it to find."""
        return self.docstore.get_document_hash(document_id) == _EMPTY + fingerprint

    def note_empty(self, document_id: str, fingerprint: str) -> None:
        """Remembers that there is nothing in the file, so that reading it (OCR is slow) is not tried again."""
        self._noted.pop(document_id, None)
        self.docstore.set_document_hash(document_id, _EMPTY + fingerprint)

    def take_for_pending(self, document_ids: Iterable[str]) -> None:
        """Says that passages of these files are in the store, nobody knows which: they are read anew, or removed."""
        for document_id in document_ids:
            self.docstore.set_document_hash(document_id, _PENDING + document_id)

    def note_pending(self, document_ids: list[str]) -> None:
        """Says on disk that these files are about to be written: a crash after this reads them anew.

        Files that are not in the store yet stay unknown to the docstore, which would take them for changed.
        """
        self.take_for_pending(document_id for document_id in document_ids if self.knows(document_id))
        self._noted |= dict.fromkeys(document_ids)
        self._journal.note(document_ids)

    def forget(self, document_id: str) -> None:
        """The file is no longer in the store."""
        self._noted.pop(document_id, None)
        self.docstore.delete_document(document_id, raise_error=False)

    def known(self) -> list[str]:
        """All document ids, sorted."""
        # LlamaIndex gives ids by hash; no two files share one, because a fingerprint covers the id.
        return sorted(self.docstore.get_all_document_hashes().values())

    def save_sometimes(self) -> None:
        """Saves when it is cheap: at most a twentieth of the time goes into it, however long the list is."""
        if time.monotonic() - self._saved_at >= self._save_took * _SPARE:
            self.save()

    def save(self) -> None:
        """Writes the list: to a new file, flushed to disk, put in the old one's place in one step."""
        started = time.monotonic()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(self.docstore.to_dict(), file)
                file.flush()
                os.fsync(file.fileno())
            # mkstemp makes files that nobody else may read; a list of files is no more secret than the store.
            os.chmod(name, 0o666 & ~_umask())
            os.replace(name, self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        self._noted = {id: None for id in self._noted if not self.knows(id)}
        self._journal.keep(list(self._noted))
        self._saved_at = time.monotonic()
        self._save_took = self._saved_at - started


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
