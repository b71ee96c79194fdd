"""LlamaIndex nodes and queries to Content and back: the one place that knows their shapes."""

import base64
import binascii
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, SupportsFloat, SupportsIndex, TypeVar

from dataclasses_json import config
from llama_index.core.bridge.pydantic import (
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_serializer,
    field_validator,
)
from llama_index.core.schema import (
    BaseNode,
    Document,
    ImageDocument,
    ImageNode,
    ImageType,
    IndexNode,
    MediaResource,
    MetadataMode,
    Node,
    NodeWithScore,
    QueryBundle,
    TextNode,
)

from tamis.core.content import Content
from tamis.core.errors import BadInput
from tamis.core.format_templates import fillable
from tamis.core.image import Image
from tamis.models.scorer import Evidence, Hit

MORE_IMAGES = "tamis_images"
"""The metadata key that holds what LlamaIndex's nodes have no field for: a second image and further ones."""

_N = TypeVar("_N", bound=NodeWithScore)
# The names in each template, and its longest: the first two are written once for each metadata.
_TEMPLATES = (
    ("metadata_template", ("key", "value"), 1_000),
    ("metadata_separator", (), 1_000),
    ("text_template", ("content", "metadata_str"), 100_000),
)
_NODE_KINDS = (TextNode, ImageNode, IndexNode, Node, Document, ImageDocument)


def content_of(node: BaseNode | NodeWithScore, mode: MetadataMode = MetadataMode.NONE) -> Content:
    """A node's text and all its images. Nothing is opened, fetched or changed, and no node raises.

    The text is the node's own, with the metadata that ``mode`` asks for (also where there is no text but an image).
    Paths and URLs become ``Image(path=...)`` and ``Image(url=...)``: a MediaPolicy says later whether they may be
    opened. Images whose bytes LlamaIndex lost are left out: ``lost_images`` tells. Audio and video are not read. Where
    a template of the node cannot be filled in, LlamaIndex's own stands in ("key: value").

    >>> content_of(TextNode(text="a red bus", metadata={"page": 3}), MetadataMode.LLM).text
    'page: 3\\n\\na red bus'
    """
    inner = node.node if isinstance(node, NodeWithScore) else node
    if type(inner) is TextNode and mode is MetadataMode.NONE and MORE_IMAGES not in inner.metadata:
        # By far the most frequent case, and part of the time of every stage.
        return Content(inner.text)
    return Content(_text_of(inner, mode), tuple(_images_of(inner)))


def lost_images(node: BaseNode | NodeWithScore) -> bool:
    """Whether a node says that it has an image but nothing leads to it any more.

    LlamaIndex leaves ``MediaResource.data`` out of what it writes, so a ``Node`` with inline bytes comes back from
    most stores without them, and ``ImageNode(image_resource=MediaResource(data=...))`` drops them at once.

    >>> lost_images(ImageNode(text="a caption", image_mimetype="image/png"))
    True
    """
    inner = node.node if isinstance(node, NodeWithScore) else node
    if MORE_IMAGES in inner.metadata and _more_images(inner) is None:
        return True
    if isinstance(inner, ImageNode):
        return _first_image(inner) is None
    if isinstance(inner, Node):
        expected = inner.image_resource is not None or isinstance(inner, ImageDocument)
        return expected and _first_image(inner) is None
    return False


def node_of(content: Content, id: str | None = None, metadata: Mapping[str, Any] | None = None) -> BaseNode:
    """A node that holds all of the content, in fields that LlamaIndex writes down: stores give it back whole.

    Without an image a ``TextNode``, else an ``ImageNode`` with the first image in its own fields (bytes as base64).
    Further images go into the metadata under ``MORE_IMAGES``, hidden from language models and embedders.
    Raises BadInput for text that is no valid Unicode and for metadata that use that key.

    >>> node_of(Content("a bus", (Image(path="bus.png"),)), id="n1").image_path
    'bus.png'
    """
    details = dict(metadata or {})
    if MORE_IMAGES in details:
        raise BadInput(f'the metadata key "{MORE_IMAGES}" is reserved for images; rename it')
    try:
        content.text.encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"the text cannot be stored, it is no valid Unicode: {error}") from error
    settings: dict[str, Any] = {"text": content.text, "metadata": details}
    if id is not None:
        settings["id_"] = id
    if not content.images:
        return TextNode(**settings)
    first, *more = content.images
    if more:
        details[MORE_IMAGES] = json.dumps(_written(more))
        settings["excluded_embed_metadata_keys"] = [MORE_IMAGES]
        settings["excluded_llm_metadata_keys"] = [MORE_IMAGES]
    if first.data is not None:
        settings["image"] = base64.b64encode(first.data).decode("ascii")
    return ImageNode(image_path=first.path, image_url=first.url, **settings)


def broken_templates(node: BaseNode) -> dict[str, str]:
    """The templates of a node that must not be filled in, each with what LlamaIndex has by default in its place.

    A foreign store may bring any: a name that does not exist raises, a width of a billion takes a gigabyte.

    >>> broken_templates(TextNode(text="a bus", metadata_template="{nope}"))
    {'metadata_template': '{key}: {value}'}
    """
    return {
        template: str(TextNode.model_fields[template].default)
        for template, names, longest in _TEMPLATES
        if not fillable(getattr(node, template, ""), names, longest)
    }


def _text_of(node: BaseNode, mode: MetadataMode) -> str:
    update: dict[str, Any] = {} if mode is MetadataMode.NONE else broken_templates(node)
    if MORE_IMAGES in node.metadata:
        update["metadata"] = {key: value for key, value in node.metadata.items() if key != MORE_IMAGES}
    if update:
        node = node.model_copy(update=update)
    try:
        # A Node without text leaves its metadata out as well, in every mode.
        return node.get_content(metadata_mode=mode) or node.get_metadata_str(mode=mode)
    except (ValueError, RecursionError):
        # Metadata that Python does not write out: a number of thousands of digits, lists a thousand deep.
        return node.get_content(metadata_mode=MetadataMode.NONE)


def _images_of(node: BaseNode) -> Iterable[Image]:
    first = _first_image(node)
    if first is not None:
        yield first
    yield from _more_images(node) or ()


def _first_image(node: BaseNode) -> Image | None:
    """Bytes before path before URL, which is LlamaIndex's own order too."""
    data: bytes | None = None
    path: str | None = None
    url: str | None = None
    if isinstance(node, ImageNode):
        if node.image and node.image.lstrip()[:5].lower() == "data:":
            return Image(url=node.image.strip())
        data = None if node.image is None else _decoded(node.image.encode("utf-8", "surrogatepass"))
        path, url = node.image_path, node.image_url
    elif isinstance(node, Node) and node.image_resource is not None:
        resource = node.image_resource
        data = None if resource.data is None else _decoded(resource.data)
        path = None if resource.path is None else str(resource.path)
        url = None if resource.url is None else str(resource.url)
    if data:
        return Image(data=data)
    if path:
        return Image(path=path)
    if url:
        return Image(url=url)
    return None if data is None else Image(data=data)


def _decoded(data: bytes) -> bytes:
    """Bytes from base64; what is no base64 is left as it is, and found to be broken when somebody opens it."""
    try:
        return base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error:
        return data


def _written(images: Sequence[Image]) -> list[dict[str, str]]:
    written = []
    for image in images:
        if image.data is not None:
            written.append({"data": base64.b64encode(image.data).decode("ascii")})
        elif image.path is not None:
            written.append({"path": image.path})
        else:
            written.append({"url": image.url or ""})
    return written


def _read_back(written: object) -> tuple[Image, ...] | None:
    """Images from what ``_written`` made, or None when it is anything else: it may come from a foreign store."""
    if not isinstance(written, list):
        return None
    images = []
    for source in written:
        match source:
            case {"data": str(text), **rest} if not rest:
                images.append(Image(data=_decoded(text.encode("utf-8", "surrogatepass"))))
            case {"path": str(path), **rest} if path and not rest:
                images.append(Image(path=path))
            case {"url": str(url), **rest} if url and not rest:
                images.append(Image(url=url))
            case _:
                return None
    return tuple(images)


def _more_images(node: BaseNode) -> tuple[Image, ...] | None:
    stored = node.metadata.get(MORE_IMAGES)
    if not isinstance(stored, str):
        return None
    try:
        return _read_back(json.loads(stored))
    except (ValueError, RecursionError):
        return None


def _images_from_json(written: object) -> tuple[Image, ...]:
    images = _read_back(written)
    if images is None:
        raise BadInput("the images of this query are not written as a list of data, path or url")
    return images


@dataclass
class ContentBundle(QueryBundle):
    """A QueryBundle that keeps what a QueryBundle has no room for: several images, bytes, URLs.

    ``image_path`` holds the first path for components that know no more; ``embedding_image`` gives every image that
    is here or on disk, so that LlamaIndex's own multimodal retrievers embed inline images too. A component that
    builds a new ``QueryBundle(query_str)`` loses the images, as it loses any image.
    """

    images: tuple[Image, ...] = field(default=(), metadata=config(encoder=_written, decoder=_images_from_json))

    @property
    def embedding_image(self) -> list[ImageType]:
        """Every image but URLs: whoever gets those might fetch them."""
        found: list[ImageType] = []
        for image in query_of(self).images:
            if image.data is not None:
                found.append(BytesIO(image.data))
            elif image.path is not None:
                found.append(image.path)
        return found


def query_of(query: QueryBundle | str) -> Content:
    """A query's text and images. The image's path is not opened: a MediaPolicy says later whether it may be.

    >>> query_of(QueryBundle("what is this?", image_path="bus.png"))
    Content(text='what is this?', images=(Image(path 'bus.png'),))
    """
    if isinstance(query, str):
        return Content(query)
    images = query.images if isinstance(query, ContentBundle) else ()
    if query.image_path and all(image.path != query.image_path for image in images):
        images = (*images, Image(path=query.image_path))
    return Content(query.query_str, images)


def bundle_of(content: Content) -> QueryBundle:
    """A query for LlamaIndex that holds all of the content: ``query_of`` gives it back whole.

    Text with at most one image path is a plain QueryBundle; anything more is a ContentBundle.

    >>> bundle_of(Content("a bus?")).query_str
    'a bus?'
    """
    paths = [image.path for image in content.images if image.path is not None]
    if len(paths) == len(content.images) and len(paths) <= 1:
        return QueryBundle(content.text, image_path=paths[0] if paths else None)
    return ContentBundle(content.text, image_path=paths[0] if paths else None, images=content.images)


class Candidate(NodeWithScore):
    """A retrieved node that remembers what each retrieval source found out about it, beside its metadata.

    ``hits`` maps "dense", "bm25", "image" to a Hit. It survives retrievers and postprocessors (which pass objects on),
    JSON, pickle and copies. Scores are Python floats or None, also when other components assign NumPy's or NaN.

    >>> candidate = Candidate(node=TextNode(text="a bus"), score=0.5, hits={"bm25": Hit(7.25, rank=1)})
    >>> Candidate.from_json(candidate.to_json()).hits["bm25"].rank
    1
    """

    model_config = ConfigDict(validate_assignment=True)

    hits: dict[str, Hit] = Field(default_factory=dict, description="What each source found, by its name.")

    @classmethod
    def class_name(cls) -> str:
        return "Candidate"

    @field_validator("score", mode="before")
    @classmethod
    def _plain_score(cls, score: Any) -> Any:
        return _plain(score)

    @field_validator("hits", mode="before")
    @classmethod
    def _plain_hits(cls, hits: Any) -> Any:
        return {source: _plain_hit(hit) for source, hit in hits.items()} if isinstance(hits, dict) else hits

    @field_validator("node", mode="before")
    @classmethod
    def _node_of_its_kind(cls, node: Any) -> Any:
        """Pydantic would build an abstract BaseNode, without text, from a written node."""
        if not isinstance(node, dict):
            return node
        return _node_kind(node.get("class_name")).from_dict(node)

    @field_serializer("node", mode="wrap")
    def _node_with_its_bytes(self, node: BaseNode, handler: SerializerFunctionWrapHandler) -> Any:
        """LlamaIndex leaves ``MediaResource.data`` out; here the image stays."""
        written = handler(node)
        if isinstance(node, Node) and isinstance(written, dict):
            for name in ("image_resource", "audio_resource", "video_resource", "text_resource"):
                resource: MediaResource | None = getattr(node, name)
                if resource is not None and resource.data is not None and isinstance(written.get(name), dict):
                    written[name] = {**written[name], "data": resource.data.decode("ascii", "ignore")}
        return written


def _node_kind(name: object) -> type[BaseNode]:
    """The class of nodes of that name: LlamaIndex's own, or any that this program has defined."""
    known: list[type[BaseNode]] = [*_NODE_KINDS]
    for kind in known:
        if kind.class_name() == name:
            return kind
        known.extend(below for below in kind.__subclasses__() if below not in known)
    names = ", ".join(sorted({kind.class_name() for kind in _NODE_KINDS}))
    raise ValueError(f"no kind of node is called {name!r}; known: {names}")


def _plain_hit(hit: Any) -> Any:
    """A Hit with Python numbers, from a Hit, a list (JSON) or a dict; anything else is left for pydantic to refuse."""
    if isinstance(hit, dict) and set(hit) <= set(Hit._fields) and "score" in hit:
        hit = Hit(**hit)
    if not isinstance(hit, list | tuple) or not 1 <= len(hit) <= len(Hit._fields):
        return hit
    score, rank, ceiling, model = Hit(*hit)
    # As a float the rank too: pydantic makes an int of one without a fraction, and refuses NumPy's integers.
    return Hit(_plain(score), _plain(rank), _plain(ceiling), model)


def _plain(number: Any) -> Any:
    """A number as ``finite`` gives it; anything else is left for pydantic to refuse."""
    if isinstance(number, str):
        return number
    try:
        return finite(number)
    except (TypeError, ValueError, OverflowError):
        return number


def finite(score: SupportsFloat | SupportsIndex | None) -> float | None:
    """A score as a Python float; NaN and infinities, which nothing can be compared with, are None.

    >>> finite(float("nan")) is None
    True
    """
    if score is None:
        return None
    number = float(score)
    return number if math.isfinite(number) else None


def evidence_of(node: NodeWithScore) -> Evidence:
    """What each retrieval source found out about a node, by source; empty where nobody said."""
    return node.hits if isinstance(node, Candidate) else {}


def rescored(node: _N, score: SupportsFloat | SupportsIndex | None) -> _N:
    """A new object of the same class with the same node and hits and another score; the one given is left alone.

    >>> before = NodeWithScore(node=TextNode(text="a bus"), score=0.1)
    >>> after = rescored(before, 0.9)
    >>> before.score, after.score, after.node is before.node
    (0.1, 0.9, True)
    """
    update: dict[str, Any] = {"score": finite(score)}
    if isinstance(node, Candidate):
        update["hits"] = dict(node.hits)
    return node.model_copy(update=update)
