"""One file to one document: LlamaIndex's SimpleDirectoryReader with our readers, and a fingerprint to know it by."""

import contextlib
import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from llama_index.core import SimpleDirectoryReader
from llama_index.core.readers.base import BaseReader
from llama_index.core.schema import MediaResource

from tamis.core.errors import BadInput, MissingExtra, TamisError
from tamis.core.media import MediaPolicy
from tamis.core.well_formed import well_formed

from .captions import Caption
from .document import FileDocument, ImageFileDocument
from .kinds import Kind, kind_of, metadata_of
from .ocr import ocr_installed
from .readers import HtmlFileReader, ImageFileReader, NotebookFileReader, PdfFileReader, TextFileReader

_FORMAT = 2
"""Raised when the same file would become other passages: every file is then read anew."""

# The name and type are for filters; in a vector they would make passages of one folder look alike.
_NOT_EMBEDDED = ["file_path", "file_name", "file_type", "page_label"]
_NOT_FOR_LLM = ["file_name", "file_type"]

_NEEDS: dict[Kind, tuple[str, tuple[str, ...]]] = {
    "pdf": ("reading PDF", ("pypdf", "llama_index.readers.file")),
    "html": ("reading HTML", ("bs4",)),
}


class Chunks(NamedTuple):
    """The longest passage and what neighbours share, in tokens."""

    size: int
    overlap: int


@dataclass(frozen=True)
class Reading:
    """How the files below ``root`` are read; ``passages`` shapes what becomes of them and so is in the fingerprint."""

    root: Path
    captions: Mapping[str, Caption]
    media: MediaPolicy
    encoding: str
    max_bytes: int
    passages: Chunks

    def document_id(self, relative: str) -> str:
        """A file's document id: its absolute path, so that a folder and one of its subfolders never disagree."""
        return (self.root / relative).as_posix()

    def fingerprint(self, relative: str) -> str:
        """sha256 over everything that decides what the file becomes. Raises OSError when it cannot be read,
        BadInput when it is too large.
        """
        path = self.root / relative
        kind = kind_of(relative)
        limit = self.media.max_bytes if kind == "image" else self.max_bytes
        if (size := path.stat().st_size) > limit:
            raise BadInput(f"{size:,} bytes; at most {limit:,} are read")
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        caption = self.captions.get(relative)
        how: dict[str, Any] = {"format": _FORMAT, "kind": kind, "passages": self.passages, "path": relative}
        if kind == "image":
            how |= {"caption": caption.text if caption else "", "ocr": ocr_installed()}
        else:
            how |= {"encoding": self.encoding}
        what = json.dumps([self.document_id(relative), content, how], sort_keys=True)
        return hashlib.sha256(what.encode("utf-8", "surrogatepass")).hexdigest()

    def not_read(self, relative: str) -> str | None:
        """Why a file of this kind is not read as things stand; None when it is."""
        kind = kind_of(relative)
        if kind == "media":
            return f"not a document ({Path(relative).suffix.lower()})"
        if kind in _NEEDS:
            feature, modules = _NEEDS[kind]
            if any(not _installed(module) for module in modules):
                return str(MissingExtra(feature, extra="files"))
        return None

    def load(self, relative: str, fingerprint: str) -> FileDocument | ImageFileDocument:
        """The file as a document. Raises BadInput with the reason when it cannot be read."""
        path = self.root / relative
        reader = SimpleDirectoryReader(
            input_files=[path],
            file_extractor=self._extractors(path.suffix.lower(), kind_of(relative)),
            file_metadata=lambda _: dict(metadata_of(relative)),
            raise_on_error=True,
        )
        with _quiet_parsers():
            documents = _load(reader, path)
        document = self._as_file_document(documents, relative)
        document.text_resource = MediaResource(text=_storable(document.text))
        document.id_ = self.document_id(relative)
        document.fingerprint = fingerprint
        document.excluded_embed_metadata_keys = list(_NOT_EMBEDDED)
        document.excluded_llm_metadata_keys = list(_NOT_FOR_LLM)
        return document

    def _extractors(self, suffix: str, kind: Kind) -> dict[str, BaseReader]:
        if kind == "office":
            return {}
        readers: dict[Kind, BaseReader] = {
            "image": ImageFileReader(self.root, self.captions, self.media),
            "pdf": PdfFileReader(),
            "html": HtmlFileReader(),
            "notebook": NotebookFileReader(),
        }
        return {suffix: readers.get(kind) or TextFileReader(self.encoding)}

    @staticmethod
    def _as_file_document(documents: list[Any], relative: str) -> FileDocument | ImageFileDocument:
        if len(documents) == 1 and isinstance(documents[0], FileDocument | ImageFileDocument):
            return documents[0]
        text = "\n\n".join(document.text for document in documents)
        return FileDocument(text=text, metadata=dict(metadata_of(relative)))


def _storable(text: str) -> str:
    """Halves of surrogate pairs and NUL characters, which JSON and PDF may bring, fit into no database."""
    return well_formed(text).replace("\0", " ")


def _load(reader: SimpleDirectoryReader, path: Path) -> list[Any]:
    try:
        return list(reader.load_resource(str(path)))
    except ImportError as error:
        raise MissingReader(str(error)) from error
    except Exception as error:  # parsers of broken files raise anything, and no file may stop a run
        cause = error.__cause__ or error
        reason = str(cause).strip() if isinstance(cause, TamisError) else f"{type(cause).__name__}: {cause}".strip()
        raise BadInput(reason.removesuffix(":")) from error


class MissingReader(TamisError):
    """LlamaIndex has a reader for this kind of file, and a package it needs is not installed."""


@contextlib.contextmanager
def _quiet_parsers() -> Iterator[None]:
    """Keeps parsers from writing about a broken file to stderr: the reason is in the report."""
    loggers = [logging.getLogger(name) for name in ("pypdf", "llama_index.core.readers.file.base")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
