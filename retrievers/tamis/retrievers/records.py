"""Nodes as Chroma's records: checked first, so that nothing is lost in the store without a word."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from llama_index.core.schema import BaseNode, ImageNode, MetadataMode, Node, TextNode
from llama_index.core.vector_stores.utils import metadata_dict_to_node, node_to_metadata_dict

from tamis.core.errors import BadInput
from tamis.nodes import broken_templates, content_of

_RESOURCES = ("image_resource", "audio_resource", "video_resource")
_RESERVED = "chroma:document"


class Record(NamedTuple):
    """One passage in Chroma: metadata holds the node as LlamaIndex writes it, and its flat metadata to filter by."""

    id: str
    text: str
    metadata: dict[str, Any]


def checked(nodes: Sequence[BaseNode]) -> list[Record]:
    """The records of nodes. Raises BadInput, naming the node, for one that could not be given back as it is:

    an id that is empty or there twice, neither text nor image, bytes that LlamaIndex does not write down, text that
    is no Unicode, an object that is no JSON, a number that is not finite, a template that cannot be filled in, a
    metadata key that Chroma keeps for itself.
    """
    records: dict[str, Record] = {}
    for node in nodes:
        if not node.node_id:
            raise BadInput("a node has an empty id; give it one")
        if node.node_id in records:
            raise BadInput(
                f'two nodes have the id "{node.node_id}"; give each its own, or add them one after the other'
            )
        records[node.node_id] = _record(node)
    return list(records.values())


def _record(node: BaseNode) -> Record:
    if not content_of(node):
        raise BadInput(f'the node "{node.node_id}" has neither text nor image; leave it out')
    for name in _RESOURCES if isinstance(node, Node) and not isinstance(node, ImageNode) else ():
        resource = getattr(node, name)
        if resource is not None and resource.data is not None and resource.path is None and resource.url is None:
            raise BadInput(
                f'the {name} of the node "{node.node_id}" has bytes (MediaResource.data), which LlamaIndex does not '
                "write down; use ImageNode(image=BASE64), or a path or URL"
            )
    for template in broken_templates(node):
        raise BadInput(
            f'the {template} of the node "{node.node_id}" cannot be filled in: {getattr(node, template)[:80]!r}'
        )
    if _RESERVED in node.metadata:
        raise BadInput(f'the metadata key "{_RESERVED}" of the node "{node.node_id}" is reserved by Chroma; rename it')
    try:
        # Pydantic writes a number that is not finite as null, and half a surrogate pair in a key as another character.
        json.dumps(node.metadata, ensure_ascii=False, allow_nan=False, skipkeys=True, default=str).encode("utf-8")
        metadata = node_to_metadata_dict(node, remove_text=True, flat_metadata=False)
        text = node.get_content(MetadataMode.NONE)
        for written in (node.node_id, text, metadata["_node_content"]):
            written.encode("utf-8")
    except (ValueError, TypeError, RecursionError) as error:
        raise BadInput(f'the node "{node.node_id}" cannot be written down: {error}') from error
    # Chroma filters by plain values only; everything else stays in the node as LlamaIndex wrote it.
    flat = {key: value for key, value in metadata.items() if isinstance(value, str | int | float | bool)}
    return Record(node.node_id, text, flat)


def replacing(record: Record, old: Mapping[str, Any] | None) -> dict[str, Any]:
    """The metadata that replace what is stored: Chroma merges, so what the new record has not must be named."""
    return {**dict.fromkeys(key for key in old or () if key not in record.metadata), **record.metadata}


def readable_node(id: str, text: str, metadata: Mapping[str, Any]) -> BaseNode | None:
    """The node that stands in a record of Chroma's; None where LlamaIndex cannot read what is written there.

    It bears the record's id, and LlamaIndex's own template in place of one that must not be filled in: whoever has put
    it there, it can be used everywhere.

    >>> readable_node("1", "a bus", {"page": 3}).metadata
    {'page': 3}
    >>> readable_node("1", "a bus", {"_node_content": "{not json"}) is None
    True
    """
    if "_node_content" not in metadata:
        # Put there by somebody who does not use LlamaIndex.
        return TextNode(id_=id, text=text, metadata=dict(metadata))
    try:
        node = metadata_dict_to_node(dict(metadata), text=text)
    except Exception:  # noqa: BLE001 - it may be anything at all, and one damaged passage must not end a search
        return None
    broken = broken_templates(node)
    return node.model_copy(update={"id_": id, **broken}) if broken or node.node_id != id else node
