"""Readers for LlamaIndex's SimpleDirectoryReader: each turns one file into one document."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llama_index.core.readers.base import BaseReader
from llama_index.core.schema import Document, MediaResource

from tamis.core.errors import BadInput
from tamis.core.image import Image
from tamis.core.media import MediaPolicy

from .captions import Caption
from .document import PAGE_BREAK, FileDocument, ImageFileDocument
from .html import html_text
from .ocr import ocr_installed, text_in_image
from .text import FALLBACK, decode, is_binary

_HEAD = 8192


@dataclass
class TextFileReader(BaseReader):
    """Text, Markdown and source code in any encoding. Raises BadInput for a binary file."""

    encoding: str = FALLBACK

    def load_data(self, file: Path, extra_info: dict[str, Any] | None = None) -> list[Document]:
        """One FileDocument with the file's text, its line ends as ``\\n``."""
        data = _checked_text(file)
        decoded = decode(data, self.encoding)
        text = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
        recoded = decoded.encoding not in ("utf-8", "utf-8-sig")
        return [FileDocument(text=text, metadata=extra_info or {}, recoded=recoded)]


class HtmlFileReader(BaseReader):
    """HTML and the text in SVG, through Beautiful Soup (extra ``files``)."""

    def load_data(self, file: Path, extra_info: dict[str, Any] | None = None) -> list[Document]:
        """One FileDocument with the page's visible text, its headings as Markdown."""
        return [FileDocument(text=html_text(_checked_text(file)), metadata=extra_info or {})]


class NotebookFileReader(BaseReader):
    """Jupyter notebooks: the cells' sources, code in fences; outputs are left out."""

    def load_data(self, file: Path, extra_info: dict[str, Any] | None = None) -> list[Document]:
        """One FileDocument. Raises BadInput when the file is no notebook."""
        try:
            notebook = json.loads(decode(_checked_text(file)).text)
            cells = [_cell_text(cell) for cell in notebook["cells"]]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise BadInput("no Jupyter notebook of format 4") from error
        return [FileDocument(text="\n\n".join(cell for cell in cells if cell), metadata=extra_info or {})]


class PdfFileReader(BaseReader):
    """PDF through LlamaIndex's PDFReader and pypdf (extra ``files``); passages know their page."""

    def load_data(self, file: Path, extra_info: dict[str, Any] | None = None) -> list[Document]:
        """One FileDocument: the pages joined by form feeds, their labels in ``pages``."""
        from llama_index.readers.file import PDFReader

        # Undecorated: the reader retries three times, and a broken file stays broken.
        load = getattr(PDFReader.load_data, "__wrapped__", PDFReader.load_data)
        pages = load(PDFReader(), file, extra_info=extra_info)
        texts = [page.text.replace(PAGE_BREAK, "\n") for page in pages]
        labels = [str(page.metadata.get("page_label", number)) for number, page in enumerate(pages, start=1)]
        text = PAGE_BREAK.join(texts)
        if not text.strip():
            return [FileDocument(metadata=extra_info or {})]
        return [FileDocument(text=text, metadata=extra_info or {}, pages=labels)]


@dataclass
class ImageFileReader(BaseReader):
    """Images: the caption beside it and, with the extra ``ocr``, the text in it make it findable.

    ``captions`` are keyed by path relative to ``root``. The picture is decoded once under ``media``, so that a
    broken, lying or huge one is refused here and not when somebody asks.
    """

    root: Path
    captions: Mapping[str, Caption]
    media: MediaPolicy

    def load_data(self, file: Path, extra_info: dict[str, Any] | None = None) -> list[Document]:
        """One ImageFileDocument with the image's absolute path. Raises MediaError when it cannot be decoded."""
        picture = self.media.open(Image(path=str(file)))
        caption = self.captions.get(file.relative_to(self.root).as_posix())
        ocr = ocr_installed()
        texts = [caption.text if caption else "", text_in_image(picture) if ocr else ""]
        return [
            ImageFileDocument(
                text="\n\n".join(text for text in texts if text.strip()),
                image_resource=MediaResource(path=file),
                metadata=extra_info or {},
                without_ocr=not ocr,
            )
        ]


def _checked_text(file: Path) -> bytes:
    data = file.read_bytes()
    if is_binary(data[:_HEAD]):
        raise BadInput("binary, not text")
    return data


def _cell_text(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", "")
    text = source if isinstance(source, str) else "".join(source)
    if cell.get("cell_type") == "code" and text.strip():
        return f"```\n{text}\n```"
    return text
