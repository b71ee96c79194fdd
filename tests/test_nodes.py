"""Nodes and queries become Content and come back whole, through everything LlamaIndex does to them."""

import base64
import json
import pickle
import string
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.instrumentation.events.retrieval import RetrievalStartEvent
from llama_index.core.schema import (
    BaseNode,
    Document,
    ImageDocument,
    ImageNode,
    IndexNode,
    MediaResource,
    MetadataMode,
    Node,
    NodeWithScore,
    QueryBundle,
    TextNode,
)
from llama_index.core.storage.docstore.utils import doc_to_json, json_to_doc
from llama_index.core.vector_stores.utils import metadata_dict_to_node, node_to_metadata_dict

from tamis.core.content import Content
from tamis.core.errors import BadInput, MediaBroken, MediaRefused
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.nodes import (
    MORE_IMAGES,
    ContentBundle,
    broken_templates,
    bundle_of,
    content_of,
    lost_images,
    node_of,
    query_of,
)


def png(colour: str = "red") -> bytes:
    file = BytesIO()
    PIL.Image.new("RGB", (3, 2), colour).save(file, "PNG")
    return file.getvalue()


PNG = png()
BASE64 = base64.b64encode(PNG).decode()
PICTURE = Image(data=PNG)
_opened: list[str] | None = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _opened is not None and event in ("open", "socket.connect", "socket.getaddrinfo"):
        _opened.append(f"{event} {arguments[0]}")


sys.addaudithook(_watch)


@pytest.fixture
def openings() -> Any:
    """Every file opened and every connection made during the test, as the interpreter itself reports them."""
    global _opened
    _opened = []
    yield _opened
    _opened = None


def test_a_caption_stays_with_its_image() -> None:
    """LlamaIndex's own get_content_blocks leaves an ImageNode's text out."""
    node = ImageNode(text="a red bus", image=BASE64, metadata={"page": 3})
    assert content_of(node) == Content("a red bus", (PICTURE,))
    assert content_of(node, MetadataMode.LLM).text == "page: 3\n\na red bus"


@pytest.mark.parametrize(
    "node",
    [
        ImageNode(text="bus", image=BASE64),
        ImageNode(text="bus", image=f"data:image/png;base64,{BASE64}"),
        Node(text_resource=MediaResource(text="bus"), image_resource=MediaResource(data=PNG)),
        Node(text_resource=MediaResource(text="bus"), image_resource=MediaResource(data=BASE64.encode())),
        Document(text="bus", image_resource=MediaResource(data=PNG)),
        ImageDocument(text="bus", image=BASE64),
        ImageNode(text="bus", image=BASE64, image_path="elsewhere.png", image_url="http://elsewhere.example/"),
    ],
    ids=lambda node: node.class_name(),
)
def test_inline_bytes_are_found_wherever_llamaindex_keeps_them(node: BaseNode) -> None:
    content = content_of(NodeWithScore(node=node, score=0.5))
    assert content.text == "bus"
    assert [MediaPolicy().read(image) for image in content.images] == [PNG]
    assert not lost_images(node)


def test_paths_and_urls_are_named_and_never_opened(tmp_path: Path, openings: list[str]) -> None:
    """ImageNode.get_content_blocks would download the URL on the calling thread."""
    (tmp_path / "bus.png").write_bytes(PNG)
    path, url = str(tmp_path / "bus.png"), "http://images.example/bus.png"
    nodes = [
        ImageNode(text="bus", image_path=path),
        Node(image_resource=MediaResource(path=Path(path))),
        ImageNode(image_url=url),
        Node(image_resource=MediaResource(url=url)),  # type: ignore[arg-type]
        ImageNode(image_resource=MediaResource(path=Path(path))),
    ]
    openings.clear()
    images = [content_of(node).images for node in nodes]
    bundles = [query_of(QueryBundle("what?", image_path=path)).images]
    assert openings == []
    assert images == [(Image(path=path),)] * 2 + [(Image(url=url),)] * 2 + [(Image(path=path),)]
    assert bundles == [(Image(path=path),)]
    with pytest.raises(MediaRefused):
        MediaPolicy().open(images[0][0])
    assert MediaPolicy(roots=(str(tmp_path),)).open(images[0][0]).size == (3, 2)


@pytest.mark.parametrize("text", ["not base64!", "a", "ä", "\ud800"])
def test_an_image_field_that_holds_no_image_is_found_out_when_it_is_opened(text: str) -> None:
    node = ImageNode(text="bus")
    object.__setattr__(node, "image", text)
    (image,) = content_of(node).images
    with pytest.raises(MediaBroken):
        MediaPolicy().open(image)


def test_bytes_that_llamaindex_drops_at_once_are_reported() -> None:
    node = ImageNode(text="bus", image_resource=MediaResource(data=PNG))
    assert node.image is None
    assert lost_images(node)
    assert content_of(node) == Content("bus")


@pytest.mark.parametrize(
    "node",
    [
        Node(text_resource=MediaResource(text="bus"), image_resource=MediaResource(data=PNG)),
        ImageDocument(text="bus", image=BASE64),
        Document(text="bus", image_resource=MediaResource(data=PNG)),
    ],
    ids=lambda node: node.class_name(),
)
def test_bytes_that_llamaindex_does_not_write_down_are_reported_lost(node: BaseNode) -> None:
    back = type(node).from_dict(node.to_dict())
    assert not lost_images(node)
    assert lost_images(back)
    assert lost_images(NodeWithScore(node=back))
    assert content_of(back) == Content("bus")


@pytest.mark.parametrize(
    "node",
    [
        TextNode(text="bus"),
        Document(text="bus"),
        IndexNode(text="bus", index_id="x"),
        Node(text_resource=MediaResource(text="bus")),
        ImageNode(text="bus", image_path="bus.png"),
        Node(image_resource=MediaResource(path=Path("bus.png"))),
        ImageNode(image_url="http://images.example/"),
    ],
    ids=lambda node: node.class_name(),
)
def test_no_loss_is_reported_where_nothing_was_lost(node: BaseNode) -> None:
    assert not lost_images(node)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (TextNode, {"text": "bus"}),
        (IndexNode, {"text": "bus", "index_id": "x"}),
        (ImageNode, {"text": "bus", "image": BASE64}),
        (Node, {"text_resource": MediaResource(text="bus"), "image_resource": MediaResource(data=PNG)}),
        (Document, {"text": "bus"}),
        (ImageDocument, {"text": "bus", "image": BASE64}),
    ],
)
def test_metadata_are_shown_as_the_mode_asks(kind: type[BaseNode], settings: dict[str, Any]) -> None:
    hidden = {"excluded_llm_metadata_keys": ["file", "secret"], "excluded_embed_metadata_keys": ["page", "secret"]}
    node = kind(**{**settings, **hidden, "metadata": {"page": 3, "file": "bus.pdf", "secret": "x"}})
    assert content_of(node).text == "bus"
    assert content_of(node, MetadataMode.NONE).text == "bus"
    assert content_of(node, MetadataMode.LLM).text == "page: 3\n\nbus"
    assert content_of(node, MetadataMode.EMBED).text == "file: bus.pdf\n\nbus"
    assert content_of(node, MetadataMode.ALL).text == "page: 3\nfile: bus.pdf\nsecret: x\n\nbus"


def test_an_image_without_text_keeps_its_metadata() -> None:
    """Node.get_content gives nothing at all where there is no text resource."""
    for node in (
        Node(image_resource=MediaResource(path=Path("bus.png"))),
        ImageNode(image_path="bus.png"),
    ):
        node.metadata = {"page": 3}
        assert content_of(node, MetadataMode.LLM) == Content("page: 3", (Image(path="bus.png"),))
        assert content_of(node) == Content("", (Image(path="bus.png"),))


def test_nodes_whose_text_attribute_raises_are_read() -> None:
    found = NodeWithScore(node=Node(text_resource=MediaResource(text="bus")), score=0.5)
    with pytest.raises(ValueError, match="TextNode"):
        _ = found.text
    assert content_of(found).text == "bus"


def test_a_node_with_neither_text_nor_image_is_empty_content() -> None:
    for node in (Node(), TextNode(), ImageNode(), Document(), Node(text_resource=MediaResource())):
        assert not content_of(node)


def test_reading_a_node_changes_nothing_in_it() -> None:
    node = node_of(Content("bus", (PICTURE, Image(path="a.png"))), metadata={"page": 3})
    before = node.to_json()
    for mode in MetadataMode:
        content_of(node, mode)
        lost_images(node)
    assert node.to_json() == before


texts = st.text(max_size=20)
images = st.one_of(
    st.builds(Image, data=st.binary(max_size=20)),
    st.builds(Image, path=st.text(string.ascii_letters + " ./象", min_size=1, max_size=10)),
    st.builds(Image, url=st.text(string.ascii_letters + ":/?#", min_size=1, max_size=10)),
)
contents = st.builds(Content, texts, st.lists(images, max_size=3).map(tuple))


def through_a_vector_store(node: BaseNode) -> BaseNode:
    written = node_to_metadata_dict(node, remove_text=True, flat_metadata=True)
    return metadata_dict_to_node(json.loads(json.dumps(written)), text=node.get_content())


JOURNEYS: dict[str, Callable[[BaseNode], BaseNode]] = {
    "dict": lambda node: type(node).from_dict(node.to_dict()),
    "json": lambda node: type(node).from_json(node.to_json()),
    "pickle": lambda node: pickle.loads(pickle.dumps(node)),  # noqa: S301
    "docstore": lambda node: json_to_doc(json.loads(json.dumps(doc_to_json(node)))),
    "vector store": through_a_vector_store,
    "copy": lambda node: node.model_copy(deep=True),
}


@pytest.mark.parametrize("journey", JOURNEYS)
@given(content=contents)
def test_content_comes_back_whole_from_every_journey(journey: str, content: Content) -> None:
    node = node_of(content, id="n1", metadata={"page": 3})
    back = JOURNEYS[journey](node)
    assert content_of(back) == content
    assert (back.node_id, back.metadata["page"]) == ("n1", 3)
    assert not lost_images(back)


@given(contents)
def test_images_in_the_metadata_are_never_shown(content: Content) -> None:
    node = node_of(content, metadata={"page": 3})
    for mode in (MetadataMode.LLM, MetadataMode.EMBED):
        assert MORE_IMAGES not in node.get_content(metadata_mode=mode)
    for mode in MetadataMode:
        assert MORE_IMAGES not in content_of(node, mode).text
    node.excluded_llm_metadata_keys = []
    assert MORE_IMAGES not in content_of(node, MetadataMode.LLM).text


def test_a_node_is_of_the_plainest_kind_that_holds_the_content() -> None:
    assert type(node_of(Content("bus"))) is TextNode
    one = node_of(Content("bus", (PICTURE,)), metadata={"page": 3})
    assert isinstance(one, ImageNode)
    assert one.image == BASE64
    assert one.metadata == {"page": 3}
    two = node_of(Content("bus", (Image(path="a.png"), PICTURE)))
    assert isinstance(two, ImageNode)
    assert two.image_path == "a.png"


def test_the_callers_metadata_are_copied() -> None:
    metadata = {"page": 3}
    node_of(Content("bus", (PICTURE, PICTURE)), metadata=metadata)
    assert metadata == {"page": 3}


def test_content_that_a_node_cannot_hold_is_refused() -> None:
    with pytest.raises(BadInput, match="no valid Unicode"):
        node_of(Content("\ud800"))
    with pytest.raises(BadInput, match=MORE_IMAGES):
        node_of(Content("bus"), metadata={MORE_IMAGES: "mine"})


@pytest.mark.parametrize(
    "stored",
    [
        *("", "[", "{}", "[3]", '["a.png"]', '[{"path": ""}]', '[{"path": 3}]', '[{"x": "y"}]', "[{}]", 3),
        pytest.param("[" * 200_000, id="nested"),
        pytest.param("1" * 20_000, id="long number"),
    ],
)
def test_foreign_metadata_under_the_key_are_reported_and_cost_nothing_else(stored: object) -> None:
    node = TextNode(text="bus", metadata={MORE_IMAGES: stored, "page": 3})
    assert content_of(node, MetadataMode.ALL) == Content("page: 3\n\nbus")
    assert lost_images(node)


@pytest.mark.parametrize("kind", [TextNode, ImageNode, IndexNode, Document])
@pytest.mark.parametrize(
    "templates",
    [
        {"metadata_template": "{nope}"},
        {"metadata_template": "{value:>999999999}"},
        {"metadata_template": "{key.__class__}"},
        {"text_template": "{nope}"},
        {"text_template": "{content:>999999999}"},
        {"metadata_separator": "x" * 2000, "text_template": "{"},
    ],
)
def test_a_template_that_cannot_be_filled_in_is_replaced_by_llamaindex_s_own(
    kind: type[Any], templates: dict[str, str]
) -> None:
    more = {"index_id": "elsewhere"} if kind is IndexNode else {}
    node = kind(text="bus", metadata={"page": 3, "line": 4}, **more, **templates)
    for mode in (MetadataMode.EMBED, MetadataMode.LLM, MetadataMode.ALL):
        assert content_of(node, mode).text == "page: 3\nline: 4\n\nbus"
    assert set(broken_templates(node)) == set(templates)


def test_an_own_template_that_can_be_filled_in_is_used() -> None:
    node = TextNode(text="bus", metadata={"page": 3}, metadata_template="<{key:>6}={value!r}>", metadata_separator="{")
    assert content_of(node, MetadataMode.ALL).text == node.get_content(MetadataMode.ALL) == "<  page='3'>\n\nbus"


def test_metadata_that_python_cannot_write_out_leave_the_text() -> None:
    nested: list[Any] = []
    for _ in range(5000):
        nested = [nested]
    for value in (nested, 10**5000):
        assert content_of(TextNode(text="bus", metadata={"x": value}), MetadataMode.ALL) == Content("bus")


@given(contents)
def test_a_query_comes_back_whole(content: Content) -> None:
    bundle = bundle_of(content)
    assert query_of(bundle) == content
    assert bundle.query_str == str(bundle) == content.text
    assert query_of(pickle.loads(pickle.dumps(bundle))) == content  # noqa: S301
    assert query_of(type(bundle).from_json(bundle.to_json())) == content


def test_a_query_of_text_or_one_path_is_a_plain_bundle() -> None:
    assert type(bundle_of(Content("what?"))) is QueryBundle
    assert bundle_of(Content("what?", (Image(path="a.png"),))) == QueryBundle("what?", image_path="a.png")
    assert query_of("what?") == query_of(QueryBundle("what?")) == Content("what?")


def test_a_query_of_several_images_shows_other_components_all_it_can() -> None:
    content = Content("what?", (PICTURE, Image(path="a.png"), Image(path="b.png"), Image(url="http://c.example/")))
    bundle = bundle_of(content)
    assert isinstance(bundle, ContentBundle)
    assert bundle.image_path == "a.png"
    inline, *paths = bundle.embedding_image
    assert isinstance(inline, BytesIO)
    assert inline.getvalue() == PNG
    assert paths == ["a.png", "b.png"]


def test_a_path_set_later_by_another_component_is_added() -> None:
    bundle = bundle_of(Content("what?", (PICTURE,)))
    bundle.image_path = "new.png"
    assert query_of(bundle).images == (PICTURE, Image(path="new.png"))


def test_a_query_with_images_passes_through_llamaindex_events() -> None:
    bundle = bundle_of(Content("what?", (PICTURE, PICTURE)))
    event = RetrievalStartEvent(str_or_query_bundle=bundle)
    assert event.str_or_query_bundle is bundle


def test_reading_a_query_changes_nothing_in_it() -> None:
    bundle = QueryBundle("what?", image_path="a.png", embedding=[1.0], custom_embedding_strs=["x"])
    query_of(bundle)
    assert bundle == QueryBundle("what?", image_path="a.png", embedding=[1.0], custom_embedding_strs=["x"])
