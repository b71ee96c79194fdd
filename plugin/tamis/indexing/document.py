"""A file as a LlamaIndex document whose hash is that of the file, not of what a reader made of it."""

from typing import Any

from llama_index.core.bridge.pydantic import Field
from llama_index.core.schema import Document, ImageDocument

PAGE_BREAK = "\f"


class FileDocument(Document):
    """A text file. ``fingerprint`` covers its bytes and every setting that shapes its passages.

    LlamaIndex's ingestion pipeline compares ``hash`` with what its document store remembers; with the fingerprint
    there, an unchanged file is known before it is parsed or its pictures are read.
    """

    fingerprint: str = Field(default="", exclude=True)
    pages: list[str] = Field(default_factory=list, exclude=True)
    recoded: bool = Field(default=False, exclude=True)

    def __init__(self, **data: Any) -> None:
        super().__init__(**data)

    @property
    def hash(self) -> str:
        """The file's fingerprint."""
        return self.fingerprint

    @classmethod
    def class_name(cls) -> str:
        """LlamaIndex's own name: stored documents are read back as plain ones."""
        return "Document"


class ImageFileDocument(ImageDocument):
    """An image file with the text that makes it findable: its caption and what is written in it."""

    fingerprint: str = Field(default="", exclude=True)
    without_ocr: bool = Field(default=False, exclude=True)

    def __init__(self, **data: Any) -> None:
        super().__init__(**data)

    @property
    def hash(self) -> str:
        """The fingerprint of the image, its side-car files and the settings."""
        return self.fingerprint

    @classmethod
    def class_name(cls) -> str:
        """LlamaIndex's own name: stored documents are read back as plain ones."""
        return "ImageDocument"
