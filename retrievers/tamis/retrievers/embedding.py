"""An Embedder of Tamis where LlamaIndex wants an embedding model."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from llama_index.core.base.embeddings.base import Embedding
from llama_index.core.bridge.pydantic import Field, field_serializer, field_validator, model_validator
from llama_index.core.embeddings import MultiModalEmbedding
from llama_index.core.schema import ImageType
from numpy.typing import NDArray

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting, UnknownComponent
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.models import EMBEDDERS, Embedder
from tamis.models.embedder import Role

from .threads import in_thread


def embedder_of(spec: object) -> Embedder:
    """An embedder from a name ("fake", a sentence-transformers model), from what ``spec_of`` wrote, or itself.

    Raises BadSetting for anything else.
    """
    if isinstance(spec, str):
        return EMBEDDERS.build(spec if spec in EMBEDDERS.names() else {"name": "sentence-transformers", "model": spec})
    if isinstance(spec, dict):
        return EMBEDDERS.build(spec)
    if not isinstance(spec, Embedder):
        raise BadSetting(f"an embedder needs name, dimensions, modalities and embed(); {type(spec).__name__} has not")
    return spec


def spec_of(embedder: Embedder) -> dict[str, Any]:
    """What ``embedder_of`` needs to make it again; only its name in words where its class is not registered."""
    try:
        return EMBEDDERS.spec(embedder)
    except UnknownComponent:
        return {"unregistered": embedder.name}


class TamisEmbedding(MultiModalEmbedding):
    """Gives LlamaIndex the vectors of a Tamis ``Embedder``, of texts, queries and images.

    It is written down by the embedder's name and settings, never with weights, and reads image paths and URLs only as
    ``media`` allows. Async calls run in threads.

    >>> TamisEmbedding(embedder="fake").model_name
    'fake-64'
    """

    embedder: Any = Field(
        default="all-MiniLM-L6-v2", validate_default=True, description="A name, a spec, or an Embedder."
    )
    media: Any = Field(default_factory=MediaPolicy, description="The MediaPolicy: which images may be opened.")
    embed_batch_size: int = Field(default=64, gt=0, description="Contents embedded at once.")

    def __init__(self, **settings: Any) -> None:
        # Before pydantic has them: it would wrap the error of a model that cannot be loaded in one of its own.
        settings["embedder"] = embedder_of(settings.get("embedder", type(self).model_fields["embedder"].default))
        settings["media"] = _policy_of(settings.get("media", MediaPolicy()))
        super().__init__(**settings)

    @classmethod
    def class_name(cls) -> str:
        return "TamisEmbedding"

    @field_validator("embedder", mode="before")
    @classmethod
    def _built(cls, spec: object) -> Embedder:
        return embedder_of(spec)

    @field_serializer("embedder")
    def _written(self, embedder: Embedder) -> dict[str, Any]:
        return spec_of(embedder)

    @field_validator("media", mode="before")
    @classmethod
    def _allowed(cls, policy: object) -> MediaPolicy:
        return _policy_of(policy)

    @field_serializer("media")
    def _policy(self, media: MediaPolicy) -> dict[str, Any]:
        return media.to_dict()

    @model_validator(mode="after")
    def _named(self) -> "TamisEmbedding":
        self.model_name = self.embedder.name
        return self

    def embed(self, contents: Sequence[Content], role: Role) -> NDArray[np.float32]:
        """Unit vectors of shape (len(contents), dimensions). Images are opened through ``media``.

        Raises BadInput for a content with images and no text where the embedder reads text only; MediaError.
        """
        sees = "image" in self.embedder.modalities
        opened = []
        for content in contents:
            if content.images and not sees and not content.text.strip():
                raise BadInput(
                    f'the embedder "{self.embedder.name}" reads text only and was given an image without text '
                    f"({content.images[0].describe()}); add a text, or use an embedder that sees images"
                )
            images = tuple(Image(data=self.media.read(image)) for image in content.images) if sees else ()
            opened.append(Content(content.text, images))
        vectors: NDArray[np.float32] = self.embedder.embed(opened, role)
        return vectors

    def _one(self, content: Content, role: Role) -> Embedding:
        return [float(value) for value in self.embed([content], role)[0]]

    def _get_query_embedding(self, query: str) -> Embedding:
        return self._one(Content(query), "query")

    async def _aget_query_embedding(self, query: str) -> Embedding:
        return await in_thread(self._get_query_embedding, query)

    def _get_text_embedding(self, text: str) -> Embedding:
        return self._one(Content(text), "passage")

    async def _aget_text_embedding(self, text: str) -> Embedding:
        return await in_thread(self._get_text_embedding, text)

    def _get_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return [[float(value) for value in row] for row in self.embed([Content(text) for text in texts], "passage")]

    async def _aget_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return await in_thread(self._get_text_embeddings, texts)

    def _get_image_embedding(self, img_file_path: ImageType) -> Embedding:
        return self._one(Content(images=(_image(img_file_path),)), "passage")

    async def _aget_image_embedding(self, img_file_path: ImageType) -> Embedding:
        return await in_thread(self._get_image_embedding, img_file_path)


def _policy_of(policy: object) -> MediaPolicy:
    if isinstance(policy, dict):
        return MediaPolicy.from_dict(policy)
    if not isinstance(policy, MediaPolicy):
        raise BadSetting(f"media must be a MediaPolicy, not {policy!r}")
    return policy


def _image(source: ImageType) -> Image:
    if isinstance(source, BytesIO):
        return Image(data=source.getvalue())
    text = str(source)
    return Image(url=text) if "://" in text or text.startswith("data:") else Image(path=text)
