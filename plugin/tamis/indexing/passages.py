"""Cuts documents into passages: by Markdown section or page first, then by sentences, with ids that stay the same."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from llama_index.core.bridge.pydantic import Field, PrivateAttr
from llama_index.core.node_parser import MarkdownNodeParser, NodeParser, SentenceSplitter
from llama_index.core.node_parser.node_utils import build_nodes_from_splits
from llama_index.core.schema import BaseNode, MetadataMode
from llama_index.core.utils import get_tokenizer

from .document import PAGE_BREAK, FileDocument
from .kinds import kind_of
from .sentences import sentences

LONGEST_HEADING_PATH = 160
"""Characters; metadata is part of every passage of a section and must leave room for its text.

In tokens it is at most half of a passage: in some scripts a letter is three.
"""

LONGEST_BLOCK = 200_000
"""Characters; LlamaIndex's splitter holds every piece of what it is given, down to letters, in memory at once."""

_HEADED = frozenset({"markdown", "html", "notebook", "office"})
_WORD = re.compile(r"\w", re.UNICODE)


class Section(NamedTuple):
    """A part of a document, and the metadata its passages get on top of the document's own."""

    text: str
    metadata: dict[str, str]


def blocks(text: str, longest: int = LONGEST_BLOCK) -> Iterator[str]:
    """A text in parts of at most ``longest`` characters, cut after a line or a word where there is one.

    >>> list(blocks("one two three", 8))
    ['one two ', 'three']
    """
    begin = 0
    while len(text) - begin > longest:
        half, end = begin + longest // 2, begin + longest
        cut = text.rfind("\n", half, end)
        cut = cut if cut >= 0 else text.rfind(" ", half, end)
        end = cut + 1 if cut >= 0 else end
        yield text[begin:end]
        begin = end
    yield text[begin:]


def passage_id(number: int, document: BaseNode) -> str:
    """The id of a document's passage: the same at every run, so that writing twice makes no second copy.

    >>> from llama_index.core.schema import Document
    >>> passage_id(3, Document(text="x", id_="/data/guide.md"))
    '/data/guide.md#3'
    """
    return f"{document.id_}#{number}"


class PassageParser(NodeParser):
    """Documents in, passages out; LlamaIndex's Markdown and sentence splitters do the cutting.

    ``chunk_size`` and ``chunk_overlap`` are tokens. The default size fits what all-MiniLM-L6-v2 reads, 256 word
    pieces: of a longer passage it would see the beginning only.
    """

    chunk_size: int = Field(default=220, gt=0)
    chunk_overlap: int = Field(default=30, ge=0)
    _splitters: dict[int, SentenceSplitter] = PrivateAttr(default_factory=dict)
    _headings: MarkdownNodeParser = PrivateAttr()
    _tokens: Callable[[str], Sequence[int]] = PrivateAttr()

    def __init__(self, **data: Any) -> None:
        data.setdefault("id_func", passage_id)
        super().__init__(**data)
        self._tokens = get_tokenizer()
        self._headings = MarkdownNodeParser(header_path_separator="\x1f")

    @classmethod
    def class_name(cls) -> str:
        """Name in LlamaIndex's serialised form."""
        return "TamisPassageParser"

    def _parse_nodes(self, nodes: Sequence[BaseNode], show_progress: bool = False, **kwargs: Any) -> list[BaseNode]:
        passages: list[BaseNode] = []
        for document in nodes:
            splits: list[str] = []
            metadata: list[dict[str, str]] = []
            for section in self._sections(document):
                heading = section.metadata.get("section", "")
                splitter = self._splitter(self.chunk_size - len(self._tokens(heading)))
                for block in blocks(section.text):
                    for split in splitter.split_text(block):
                        if _WORD.search(split) or kind_of(str(document.metadata.get("file_name", ""))) == "image":
                            splits.append(split)
                            metadata.append(section.metadata)
            for passage, extra in zip(
                build_nodes_from_splits(splits, document, id_func=self.id_func), metadata, strict=True
            ):
                passage.metadata = {**document.metadata, **extra}
                passages.append(passage)
        return passages

    def _splitter(self, room: int) -> SentenceSplitter:
        """Cuts into at most ``room`` tokens. LlamaIndex's own reckoning with metadata prints on stdout when few."""
        if room not in self._splitters:
            self._splitters[room] = SentenceSplitter(
                chunk_size=room, chunk_overlap=min(self.chunk_overlap, room), chunking_tokenizer_fn=sentences()
            )
        return self._splitters[room]

    def _heading_path(self, path: str) -> str:
        """The path cut so that a passage of the section has at least half of its tokens for text."""
        path = path[:LONGEST_HEADING_PATH]
        while len(self._tokens(path)) > self.chunk_size // 2:
            path = path[:-1]
        return path

    def _sections(self, document: BaseNode) -> Iterator[Section]:
        text = document.get_content(metadata_mode=MetadataMode.NONE)
        kind = kind_of(str(document.metadata.get("file_name", "")))
        if isinstance(document, FileDocument) and document.pages:
            for label, page in zip(document.pages, text.split(PAGE_BREAK), strict=True):
                yield Section(page, {"page_label": label})
        elif kind in _HEADED:
            yield from self._headed_sections(document)
        else:
            yield Section(text, {})

    def _headed_sections(self, document: BaseNode) -> Iterator[Section]:
        """The Markdown sections; a heading with nothing under it but another heading goes with that one."""
        waiting: list[str] = []
        metadata: dict[str, str] = {}
        for node in self._headings.get_nodes_from_node(document):
            text = node.get_content(metadata_mode=MetadataMode.NONE)
            if not waiting:
                path = str(node.metadata.get("header_path", "")).strip("\x1f").replace("\x1f", " > ")
                metadata = {"section": self._heading_path(path)} if path else {}
            waiting.append(text)
            if "\n" in text or not text.startswith("#"):
                yield Section("\n\n".join(waiting), metadata)
                waiting = []
        if waiting:
            yield Section("\n\n".join(waiting), metadata)
