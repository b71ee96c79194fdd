"""MLLMReranker: a multimodal LLM behind the face of every Reranker."""

import asyncio
import json
import pickle
from base64 import b64encode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
import torch
from llama_index.core.schema import ImageNode, NodeWithScore, QueryBundle, TextNode

from tamis.core.content import Content
from tamis.core.errors import BadSetting, ModelUnavailable, UnknownComponent
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.models.http.scorer import HttpScorer
from tamis.models.mllm import TransformersScorer
from tamis.rerankers import MLLMReranker, Reranker
from tamis.testing import FakeScorer, check_postprocessor, tiny_mllm


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_mllm(tmp_path_factory.mktemp("model"), "qwen2-vl"))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads cost a tiny model more than they give it, above all on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def red_picture() -> bytes:
    file = BytesIO()
    PIL.Image.new("RGB", (70, 50), "red").save(file, "PNG")
    return file.getvalue()


def candidates() -> list[NodeWithScore]:
    texts = ("a red bus", "flour and salt", "the tower is 330 metres high")
    return [NodeWithScore(node=TextNode(text=text, id_=text), score=0.5) for text in texts]


def test_it_ranks_by_the_models_log_odds(model: str) -> None:
    nodes = [
        *candidates(),
        NodeWithScore(node=ImageNode(image=b64encode(red_picture()).decode(), text="", id_="picture"), score=0.1),
    ]
    reranker = MLLMReranker(model, media=MediaPolicy())
    ranked = reranker.postprocess_nodes(nodes, query_str="which colour is the bus?")
    contents = [Content(node.node.get_content()) for node in nodes[:3]] + [Content("", (Image(data=red_picture()),))]
    log_odds = TransformersScorer(model).score(Content("which colour is the bus?"), contents)
    assert None not in log_odds
    by_id = {node.node.node_id: score for node, score in zip(nodes, log_odds, strict=True)}
    assert [node.node.node_id for node in ranked] == sorted(by_id, key=lambda name: -(by_id[name] or 0.0))
    assert all(node.score is not None and 0 < node.score < 1 for node in ranked)
    assert reranker.stats["pairs"] == 4
    assert reranker.stats["images"] == 1


def test_sync_and_async_give_the_same(model: str) -> None:
    reranker = MLLMReranker(model, top_n=2)
    query = QueryBundle("which colour is the bus?")
    sync = reranker.postprocess_nodes(candidates(), query)
    later = asyncio.run(reranker.apostprocess_nodes(candidates(), query))
    assert [node.node.node_id for node in sync] == [node.node.node_id for node in later]
    assert len(sync) == 2


def test_it_keeps_a_postprocessors_contract(model: str) -> None:
    check_postprocessor(MLLMReranker(model), "reranker")


def test_nothing_is_loaded_before_it_is_used() -> None:
    reranker = MLLMReranker("no/such/model", "transformers", "lamra", 3, backend_settings={"kv_cache": 5})
    copy = MLLMReranker.from_dict(json.loads(json.dumps(reranker.to_dict())))
    unpickled = pickle.loads(pickle.dumps(reranker))  # noqa: S301 - our own
    for one in (reranker, copy, unpickled, reranker.model_copy()):
        assert isinstance(one, MLLMReranker)
        assert one.scorer == TransformersScorer("no/such/model", "lamra", kv_cache=5)
        assert one.top_n == 3
    assert reranker.to_dict()["class_name"] == "TamisMLLMReranker"
    assert "scorer" not in reranker.to_dict()
    assert isinstance(reranker, Reranker)


def test_a_template_of_its_own_is_written_down(tmp_path: Path) -> None:
    mapping = {
        "name": "own",
        "source": "here",
        "layout": "query-first",
        "yes": "Yes",
        "no": "No",
        "forms": [{"user": "{query.text}{passage.text}"}],
    }
    reranker = MLLMReranker("m", template=mapping, instruction="Is it?")
    again = MLLMReranker.from_dict(json.loads(json.dumps(reranker.to_dict())))
    assert again.scorer == reranker.scorer
    assert again.to_dict() == reranker.to_dict()


def test_the_scorer_changes_with_the_settings_and_cannot_be_assigned() -> None:
    reranker = MLLMReranker("one")
    first = reranker.scorer
    reranker.top_n = 2
    assert reranker.scorer is first
    reranker.model = "two"
    assert reranker.scorer.model == "two"
    reranker.backend_settings = {"kv_cache": 9}
    assert (reranker.scorer.model, reranker.scorer.kv_cache) == ("two", 9)
    with pytest.raises(BadSetting, match="is made from its model"):
        reranker.scorer = first
    with pytest.raises(UnknownComponent, match="nope"):
        reranker.template = "nope"
    assert reranker.template is None


def test_a_server_is_a_backend_and_its_key_is_not_written_down() -> None:
    settings = {"url": "http://127.0.0.1:9/v1", "api_key": "very-secret"}
    reranker = MLLMReranker("served", "http", backend_settings=settings)
    assert isinstance(reranker.scorer, HttpScorer)
    assert reranker.scorer.model == "served"
    written = json.dumps(reranker.to_dict())
    assert "very-secret" not in written + repr(reranker)
    assert "127.0.0.1:9" in written


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"backend": "magic"}, "'magic'; it must be one of transformers, vllm, http"),
        ({"backend_settings": {"speed": 11}}, "speed"),
        ({"backend_settings": {"model": "other"}}, "model is a setting of the reranker itself"),
        ({"top_n": 0}, "top_n"),
        ({"template": 3}, "template"),
    ],
)
def test_a_bad_setting_is_named(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(BadSetting, match=named):
        MLLMReranker("m", **arguments)


def test_a_model_that_cannot_be_loaded_is_named_or_replaced() -> None:
    settings: dict[str, Any] = {"model": "no/such/model", "backend_settings": {"local_files_only": True}}
    with pytest.raises(ModelUnavailable, match="no/such/model"):
        MLLMReranker(**settings).postprocess_nodes(candidates(), query_str="q")
    ranked = MLLMReranker(**settings, fallback=FakeScorer()).postprocess_nodes(candidates(), query_str="q")
    assert {node.node.node_id for node in ranked} == {node.node.node_id for node in candidates()}
    assert all(node.score is not None for node in ranked)
