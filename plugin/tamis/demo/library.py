"""The demo's store: the corpus, embedded once and kept in a cache folder."""

import hashlib
import platform
from collections.abc import Callable, Sequence
from pathlib import Path

import platformdirs
from llama_index.core.schema import BaseNode, TextNode

from tamis.core.errors import BadInput
from tamis.retrievers import Store

from .corpus import Passage, digest

BATCH = 64
"""Passages embedded and stored between two steps of the progress bar."""

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is, and of how much."""


def default_folder(corpus: Sequence[Passage], embedder_name: str) -> Path:
    """The user's cache folder for this Python, these passages and this embedder; nothing is created."""
    key = hashlib.sha256(f"{digest(corpus)}\0{embedder_name}".encode()).hexdigest()[:12]
    return platformdirs.user_cache_path("tamis", appauthor=False) / f"demo-{platform.python_version()}-{key}"


def nodes_of(corpus: Sequence[Passage]) -> list[BaseNode]:
    """The passages as LlamaIndex nodes: same ids, no metadata, so that all pipelines search the same text."""
    return [TextNode(id_=passage.id, text=passage.text) for passage in corpus]


def fill(store: Store, nodes: Sequence[BaseNode], progress: Progress) -> int:
    """Adds what the store lacks of ``nodes`` and says how many passages that were.

    An interrupted run leaves a store to which the next one adds the rest. Raises BadInput for a store that holds
    something else, which would answer in the passages' stead.
    """
    present = {node.node_id: node.get_content() for node in store.nodes([node.node_id for node in nodes])}
    strangers = store.count() - len(present)
    if strangers:
        raise BadInput(
            f"the store holds {strangers} passages that are not from the documentation of Python "
            f"{platform.python_version()}; name a new folder with --store"
        )
    missing = [node for node in nodes if present.get(node.node_id) != node.get_content()]
    for start in range(0, len(missing), BATCH):
        progress("embedding", start, len(missing))
        store.add(missing[start : start + BATCH])
    progress("embedding", len(missing), len(missing))
    # The demo opens the store a second time: the words must be on the disk by then, as the vectors are.
    store.flush()
    return len(missing)
