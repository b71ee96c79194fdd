"""The embedder in LlamaIndex's clothes: same vectors, written down by name, never blocking."""

import asyncio
import pickle
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from llama_index.core.schema import TextNode

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting, MediaRefused, ModelUnavailable, TamisError
from tamis.core.media import MediaPolicy
from tamis.retrievers import TamisEmbedding
from tamis.testing import FakeEmbedder, FakeImageEmbedder


def test_vectors_are_the_embedder_s_sync_and_async() -> None:
    model = TamisEmbedding(embedder=FakeEmbedder())
    [expected] = FakeEmbedder().embed([Content("red bus")]).tolist()
    assert model.get_query_embedding("red bus") == model.get_text_embedding("red bus") == expected
    assert asyncio.run(model.aget_query_embedding("red bus")) == expected
    assert model.get_text_embedding_batch(["red bus"] * 3) == [expected] * 3
    assert asyncio.run(model.aget_text_embedding_batch(["red bus", "red bus"])) == [expected] * 2
    assert model([TextNode(text="red bus")])[0].embedding == expected


def test_it_is_written_down_by_name_and_made_again() -> None:
    model = TamisEmbedding(embedder=FakeEmbedder(32), media=MediaPolicy(max_pixels=99))
    again = TamisEmbedding.from_json(model.to_json())
    assert (again.embedder, again.media, again.model_name) == (model.embedder, model.media, "fake-32")
    assert pickle.loads(pickle.dumps(model)).embedder == FakeEmbedder(32)  # noqa: S301
    assert TamisEmbedding().model_name == "all-MiniLM-L6-v2"


class Unloadable(FakeEmbedder):
    """Its model is not there."""

    @property
    def name(self) -> str:
        raise ModelUnavailable("there is no such model")


@pytest.mark.parametrize(
    ("settings", "error", "named"),
    [
        ({"embedder": Unloadable()}, ModelUnavailable, "^there is no such model$"),
        ({"embedder": 5}, BadSetting, "an embedder needs"),
        ({"embedder": {"name": "fake", "colour": "red"}}, BadSetting, "does not take these settings"),
        ({"embedder": "fake", "media": "images"}, BadSetting, "media must be a MediaPolicy"),
    ],
)
def test_what_cannot_be_used_is_an_error_of_tamis_and_not_pydantic_s(
    settings: dict[str, Any], error: type[TamisError], named: str
) -> None:
    with pytest.raises(TamisError, match=named) as raised:
        TamisEmbedding(**settings)
    assert type(raised.value) is error


def test_async_calls_overlap() -> None:
    model = TamisEmbedding(embedder=FakeEmbedder(delay_s=0.2))

    async def five() -> float:
        start = time.perf_counter()
        await asyncio.gather(*(model.aget_query_embedding(str(i)) for i in range(5)))
        return time.perf_counter() - start

    assert min(asyncio.run(five()) for _ in range(3)) < 0.6


def test_images_are_opened_only_as_the_policy_allows(tmp_path: Path) -> None:
    stream = BytesIO()
    PIL.Image.new("RGB", (8, 8), "red").save(stream, "PNG")
    (tmp_path / "red.png").write_bytes(stream.getvalue())
    model = TamisEmbedding(embedder=FakeImageEmbedder())
    inline = model.get_image_embedding(stream)
    with pytest.raises(MediaRefused):
        model.get_image_embedding(str(tmp_path / "red.png"))
    with pytest.raises(MediaRefused):
        asyncio.run(model.aget_image_embedding("https://example.com/red.png"))
    allowed = TamisEmbedding(embedder=FakeImageEmbedder(), media=MediaPolicy(roots=(str(tmp_path),)))
    assert allowed.get_image_embedding(str(tmp_path / "red.png")) == inline


def test_a_text_only_embedder_refuses_images_by_name() -> None:
    with pytest.raises(BadInput, match=r'"fake-64" reads text only'):
        TamisEmbedding(embedder=FakeEmbedder()).get_image_embedding(BytesIO(b"picture"))
