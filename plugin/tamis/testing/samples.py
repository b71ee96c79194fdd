"""Nodes and queries that conformance checks are made with, new objects on every call; every node has a date."""

import base64
import copy

from llama_index.core.schema import (
    BaseNode,
    ImageNode,
    IndexNode,
    MediaResource,
    Node,
    NodeWithScore,
    QueryBundle,
    TextNode,
)

from .pictures import png

QUERY = "how does a river carve a valley"

_TEXTS = (
    "A river carves a valley by wearing down its bed, grain by grain.",
    "Water carries sand that cuts into rock; over ages a valley deepens.",
    "A glacier carves a wide valley with a flat floor.",
    "The river bank is a good place for a picnic.",
    "A valley can be home to orchards and vineyards.",
    "The stock exchange closed early on Friday.",
)
_UNICODE = (
    "Ein Fluß gräbt ein Tal — 河流如何侵蚀山谷。",
    "كيف ينحت النهر واديا",
    "👩‍👩‍👧‍👦 cafe\u0301 \u200b\ufeff ligature \ufb01 \U0001f30a",
    "नदी घाटी को कैसे बनाती है\u2028नई पंक्ति",
)
UNICODE_QUERY = "wie gräbt ein Fluß ein Tal? 河流 🏞️ cafe\u0301"


def query() -> QueryBundle:
    """A text query."""
    return QueryBundle(QUERY)


def texts() -> list[NodeWithScore]:
    """Six passages with metadata, best first, scores from 0.95 down."""
    nodes = [
        TextNode(
            id_=f"text-{place}",
            text=text,
            metadata={"file_name": f"{place}.txt", "page": place, "date": f"2024-01-{20 - place:02d}"},
        )
        for place, text in enumerate(_TEXTS)
    ]
    return _scored(*nodes)


def kinds() -> list[NodeWithScore]:
    """One node of each kind that LlamaIndex has, and one whose image bytes were lost on the way."""
    picture = base64.b64encode(png(0, 0, 255))
    whole = Node(
        id_="lost",
        text_resource=MediaResource(text="a picture of a river, lost"),
        image_resource=MediaResource(data=picture, mimetype="image/png"),
    )
    return _scored(
        TextNode(id_="text", text=_TEXTS[0]),
        ImageNode(id_="image", text="a river from above", image=picture.decode(), image_mimetype="image/png"),
        Node(
            id_="node",
            text_resource=MediaResource(text="a valley in winter"),
            image_resource=MediaResource(data=picture, mimetype="image/png"),
        ),
        IndexNode(id_="index", text="more about each river", index_id="rivers"),
        # What every store's round trip does to inline image bytes.
        Node.from_dict(whole.to_dict()),
    )


def unicode_texts() -> list[NodeWithScore]:
    """Scripts, joined emoji, combining and invisible characters."""
    return _scored(*(TextNode(id_=f"unicode-{place}", text=text) for place, text in enumerate(_UNICODE)))


def extremes() -> list[NodeWithScore]:
    """An empty text, one of white space, one of a hundred thousand characters."""
    found = ("", " \n\t", "river valley " * 8_000, _TEXTS[0])
    return _scored(*(TextNode(id_=f"extreme-{place}", text=text) for place, text in enumerate(found)))


def twins(prefix: str = "twin") -> list[NodeWithScore]:
    """Five nodes that are alike in all but their ids, which are not in order."""
    ids = (f"{prefix}-{letter}" for letter in "caebd")
    dated = {"date": "2024-01-10"}
    return [NodeWithScore(node=TextNode(id_=id_, text=_TEXTS[0], metadata=dict(dated)), score=0.75) for id_ in ids]


def same_ids() -> list[NodeWithScore]:
    """Four nodes of which two have the same id and different texts."""
    pairs = zip(("a", "b", "a", "c"), _TEXTS, strict=False)
    return _scored(*(TextNode(id_=id_, text=text) for id_, text in pairs))


def unscored() -> list[NodeWithScore]:
    """Four passages, none with a score."""
    return [NodeWithScore(node=found.node, score=None) for found in texts()[:4]]


class UnreadableNode(TextNode):
    """A node that raises OSError when its content is asked for."""

    def get_content(self, *args: object, **kwargs: object) -> str:
        raise OSError("the content of this node cannot be read")


def unreadable() -> list[NodeWithScore]:
    """Three passages, the second of which raises OSError when it is read."""
    return _scored(
        TextNode(id_="first", text=_TEXTS[0]),
        UnreadableNode(id_="second", text=_TEXTS[1]),
        TextNode(id_="third", text=_TEXTS[2]),
    )


def copied(nodes: list[NodeWithScore]) -> list[NodeWithScore]:
    """The same nodes as new objects all the way down."""
    return copy.deepcopy(nodes)


def _scored(*nodes: BaseNode) -> list[NodeWithScore]:
    for node in nodes:
        node.metadata.setdefault("date", "2024-01-10")
    return [NodeWithScore(node=node, score=round(0.95 - 0.1 * place, 2)) for place, node in enumerate(nodes)]
