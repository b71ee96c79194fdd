"""Keeps a store in step with a folder: new files in, changed ones replaced, deleted ones out, the rest untouched."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.schema import Document

from tamis.core.errors import BROKEN_SETUP, BadInput, BadSetting, MediaError, StoreError, TamisError
from tamis.core.media import MediaPolicy
from tamis.retrievers import Store, TamisEmbedding
from tamis.retrievers.place import cache_folder, server_of

from .captions import find_captions
from .discover import Found, check_folder, find_files
from .document import FileDocument, ImageFileDocument
from .ledger import Ledger
from .ocr import ocr_installed
from .passages import PassageParser
from .reading import Chunks, MissingReader, Reading
from .report import FileIssue, IndexReport
from .sink import StoreSink
from .text import FALLBACK
from .vectors import PassageEmbedder

Progress = Callable[[int, int, str], None]
"""Called with the number of files done, of all files, and the file that comes next (relative)."""

LEDGER = "files.json"

_BATCH_FILES = 32
_BATCH_CHARACTERS = 100_000
_WORD = re.compile(r"\w")


def index_directory(
    directory: str | PathLike[str],
    store: Store,
    *,
    glob: Sequence[str] = (),
    exclude: Sequence[str] = (),
    chunk_size: int = 220,
    chunk_overlap: int = 30,
    encoding: str = FALLBACK,
    max_bytes: int = 20 * 2**20,
    max_pixels: int = 40_000_000,
    progress: Progress | None = None,
) -> IndexReport:
    """Brings the store in step with a folder, and reports file by file.

    Unchanged files are not read, let alone embedded; several folders may share a store. ``glob`` picks files and
    ``exclude`` leaves files and folders out (see ``discover.matches``); a file that was indexed and is now excluded
    is removed, one that merely does not fit ``glob`` stays. ``chunk_size`` and ``chunk_overlap`` are tokens.
    ``encoding`` is for text that is not UTF-8 and does not say what it is. ``max_bytes`` bounds a file,
    ``max_pixels`` an image.

    A run that is killed leaves a store that can be used; the next run finishes the work without duplicates.
    Raises BadInput for a folder that cannot be read, BadSetting, StoreLocked.
    """
    started = time.monotonic()
    _check(chunk_size, chunk_overlap, encoding, max_bytes)
    root = check_folder(directory)
    notes = _notes_folder(store)
    media = MediaPolicy(roots=(str(root),), max_pixels=max_pixels)
    # Before the ledger is read: two runs at once would each write down half of what is in the store.
    with store.writing():
        found = find_files(root, glob=glob, exclude=exclude, leave_out=[notes])
        captions = find_captions(root, found.images)
        reading = Reading(root, captions, media, encoding, max_bytes, Chunks(chunk_size, chunk_overlap))
        run = _Run(store, reading, found, Ledger(notes / LEDGER))
        try:
            run.remove_gone()
            run.read_all(progress)
        finally:
            run.ledger.save()
    return IndexReport(
        directory=str(root),
        store=store.name,
        new=run.new,
        changed=run.changed,
        unchanged=run.unchanged,
        removed=run.removed,
        failed=tuple(sorted((*found.failed, *run.failed))),
        skipped=tuple(sorted((*found.skipped, *run.skipped))),
        recoded=run.recoded,
        without_ocr=run.without_ocr,
        added=run.sink.added,
        passages=store.count(),
        seconds=time.monotonic() - started,
    )


def _notes_folder(store: Store) -> Path:
    """Where this machine keeps its list of files: in the store's folder, or in the cache for a server."""
    if server_of(store.name):
        return cache_folder(store.name, store.manifest.collection)
    return Path(store.name)


def _check(chunk_size: int, chunk_overlap: int, encoding: str, max_bytes: int) -> None:
    if chunk_size < 32:
        raise BadSetting(f"chunk_size is {chunk_size}; it must be at least 32 tokens")
    if not 0 <= chunk_overlap < chunk_size:
        raise BadSetting(f"chunk_overlap is {chunk_overlap}; it must be at least 0 and below chunk_size ({chunk_size})")
    if max_bytes < 1:
        raise BadSetting(f"max_bytes is {max_bytes}; it must be at least 1")
    try:
        # Nothing at all would be decoded without looking at the encoding's name.
        b"x".decode(encoding)
    except (LookupError, ValueError) as error:
        raise BadSetting(f'Python knows no text encoding "{encoding}"; try cp1252, latin-1 or shift_jis') from error


@dataclass
class _Run:
    """One run under way: what was counted so far, and the batch that is being gathered."""

    store: Store
    reading: Reading
    found: Found
    ledger: Ledger
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    recoded: int = 0
    without_ocr: int = 0
    failed: list[FileIssue] = field(default_factory=list)
    skipped: list[FileIssue] = field(default_factory=list)
    _batch: list[Document] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sink = StoreSink(self.store)
        self._sees_images = "image" in self.store.embedder.modalities
        self._reconcile()
        self._pipeline = IngestionPipeline(
            transformations=[
                PassageParser(chunk_size=self.reading.passages.size, chunk_overlap=self.reading.passages.overlap),
                PassageEmbedder(embedding=TamisEmbedding(embedder=self.store.embedder, media=self.reading.media)),
            ],
            vector_store=self.sink,
            docstore=self.ledger.docstore,
            docstore_strategy=DocstoreStrategy.UPSERTS,
            disable_cache=True,
        )

    def _reconcile(self) -> None:
        """Makes the ledger fit the store where one of them was lost."""
        known = self.ledger.known()
        if known and self.store.count() == 0:
            for document_id in known:
                self.ledger.forget(document_id)
        elif not known or self.ledger.lost:
            # Read anew, or removed if they are gone: without this, a deleted file's passages would stay for good.
            self.ledger.take_for_pending(sorted({id.rpartition("#")[0] for id in self.store.ids() if "#" in id}))

    def remove_gone(self) -> None:
        """Takes out what is no longer in the folder."""
        prefix = self.reading.document_id("")
        prefix = prefix if prefix.endswith("/") else f"{prefix}/"
        known = [
            document_id.removeprefix(prefix) for document_id in self.ledger.known() if document_id.startswith(prefix)
        ]
        self._remove(self.found.gone(known))

    def read_all(self, progress: Progress | None) -> None:
        """Reads every file that is new or changed, and writes batch by batch.

        A text beside an image is part of it; where the image is not in the store the text is read as a file.
        """
        captions = frozenset(file for caption in self.reading.captions.values() for file in caption.files)
        files = [relative for relative in self.found.files if relative not in captions]
        self._read(files, progress)
        held = self._held_captions()
        self._remove(sorted(held))
        left = [relative for relative in self.found.files if relative in captions - held]
        self._read(left, progress, done=len(files))
        if progress:
            progress(len(files) + len(left), len(files) + len(left), "")

    def _read(self, files: Sequence[str], progress: Progress | None, done: int = 0) -> None:
        for number, relative in enumerate(files, start=done):
            if progress:
                progress(number, done + len(files), relative)
            self._take(relative)
            if len(self._batch) >= _BATCH_FILES or sum(len(each.text) for each in self._batch) >= _BATCH_CHARACTERS:
                self._write()
        self._write()

    def _held_captions(self) -> set[str]:
        """The captions of images that are in the store and can still be read."""
        broken = {issue.file for issue in self.failed}
        return {
            file
            for image, caption in self.reading.captions.items()
            if image not in broken and self.ledger.fingerprint(self.reading.document_id(image))
            for file in caption.files
        }

    def _remove(self, files: Sequence[str]) -> None:
        """Takes files out of the store, those that are in it."""
        ids = [self.reading.document_id(relative) for relative in files]
        indexed = [document_id for document_id in ids if self.ledger.knows(document_id)]
        if indexed:
            self.store.delete_documents(indexed)
        for document_id in ids:
            self.ledger.forget(document_id)
        self.removed += len(indexed)

    def _take(self, relative: str) -> None:
        """Puts one file into the batch, or says why not."""
        if reason := self.reading.not_read(relative):
            self.skipped.append(FileIssue(relative, reason))
            return
        document_id = self.reading.document_id(relative)
        try:
            fingerprint = self.reading.fingerprint(relative)
            if self.ledger.fingerprint(document_id) == fingerprint:
                self.unchanged += 1
                return
            if self.ledger.is_empty(document_id, fingerprint):
                self._skip_empty(relative)
                return
            document = self.reading.load(relative, fingerprint)
        except MissingReader as error:
            self.skipped.append(FileIssue(relative, str(error)))
        except OSError as error:
            self.failed.append(FileIssue(relative, error.strerror or str(error)))
        except (BadInput, MediaError) as error:
            self.failed.append(FileIssue(relative, str(error)))
        else:
            self._gather(document, relative, document_id, fingerprint)

    def _gather(
        self, document: FileDocument | ImageFileDocument, relative: str, document_id: str, fingerprint: str
    ) -> None:
        is_image = isinstance(document, ImageFileDocument)
        if isinstance(document, ImageFileDocument):
            self.without_ocr += document.without_ocr
        if not _WORD.search(document.text) and not (is_image and self._sees_images):
            if self.ledger.knows(document_id):
                self.store.delete_documents([document_id])
                self.removed += 1
            self.ledger.note_empty(document_id, fingerprint)
            self._skip_empty(relative)
            return
        if isinstance(document, FileDocument):
            self.recoded += document.recoded
        self._batch.append(document)

    def _skip_empty(self, relative: str) -> None:
        from .kinds import kind_of

        reason = "nothing in it to find"
        if kind_of(relative) == "image":
            reason = "no caption beside it and no text in it"
            if not ocr_installed():
                reason = "no caption beside it; reading the text in it needs an extra: pip install 'tamis[ocr]'"
        elif kind_of(relative) == "pdf":
            reason = "no text in it; perhaps its pages are scanned"
        self.skipped.append(FileIssue(relative, reason))

    def _write(self) -> None:
        """Passages of the batch into the store. What spoils a batch is found by writing its files one by one."""
        batch, self._batch = self._batch, []
        if not batch:
            return
        known = [document.id_ for document in batch if self.ledger.has_been_whole(document.id_)]
        self.ledger.note_pending([document.id_ for document in batch])
        try:
            self._pipeline.run(documents=batch, store_doc_text=False)
        except (StoreError, *BROKEN_SETUP):
            raise
        except Exception as error:  # what splits and embeds raises anything over some texts; no file may stop a run
            if isinstance(error, OSError) and not isinstance(error, TimeoutError):
                # A full disk spares no other file. NLTK's way to give up is a TimeoutError.
                raise
            if len(batch) == 1:
                self._fail(batch[0], error)
                return
            for document in batch:
                self._batch = [document]
                self._write()
            return
        self.changed += len(known)
        self.new += len(batch) - len(known)
        self.ledger.save_sometimes()

    def _fail(self, document: Document, error: Exception) -> None:
        """Names a file that cannot be written; one that was not in the store leaves nothing of it there."""
        reason = str(error) if isinstance(error, TamisError) else f"{type(error).__name__}: {error}"
        self.failed.append(FileIssue(str(document.metadata["file_path"]), reason))
        if not self.ledger.knows(document.id_):
            self.store.delete_documents([document.id_])
            self.ledger.forget(document.id_)
