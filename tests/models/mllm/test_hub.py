"""Models by their names in the Hugging Face hub, from a cache as it is on disk; nothing is fetched."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tamis.core.content import Content
from tamis.models.mllm import TransformersScorer
from tamis.models.mllm.framing import PairFrame, RolesFrame, chat_of, frame_of
from tamis.models.mllm.loading import Settings, load
from tamis.models.vllm.checkpoint import Placeholders, checkpoint_of
from tamis.testing import tiny_mllm

NAME, FIRST, SECOND = "org/model", "a" * 40, "b" * 40
QUERY = Content("which colour is the bus?")
TEMPLATE = (
    'name = "own"\nsource = "the checkpoint"\nlayout = "query-first"\nyes = "True"\nno = "False"\n'
    '[[form]]\nuser = "{query.text} ? {passage.text}"\n'
)


class Hub:
    """A cache with one model: its revisions, and which of them the name stands for."""

    def __init__(self, cache: Path) -> None:
        self.model = cache / "models--org--model"
        (self.model / "refs").mkdir(parents=True)

    def add(self, commit: str, folder: Path | str) -> Path:
        """Copies a folder into the cache as a revision, the newest."""
        snapshot = self.model / "snapshots" / commit
        shutil.copytree(folder, snapshot)
        self.point_to(commit)
        return snapshot

    def point_to(self, commit: str) -> None:
        (self.model / "refs" / "main").write_text(commit)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """An empty cache that is taken for the machine's, off the network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return Hub(tmp_path / "hub")


def identity() -> str:
    return load(Settings(NAME, local_files_only=True)).identity


def test_each_revision_has_an_identity_of_its_own(hub: Hub, checkpoint: Callable[[str], str]) -> None:
    snapshot = hub.add(FIRST, checkpoint("qwen3"))
    first = identity()
    for file in snapshot.glob("*.safetensors"):
        os.utime(file, (0, 0))
    assert identity() == first, "when a file was fetched says nothing about it"
    hub.add(SECOND, checkpoint("qwen3"))
    assert identity() != first
    hub.point_to(FIRST)
    assert identity() == first


def test_features_of_another_revision_are_not_taken(hub: Hub, picture: Any, tmp_path: Path) -> None:
    passages = [Content("a bus", (picture(1),))]
    for seed, commit in ((1, FIRST), (2, SECOND)):
        tiny_mllm(tmp_path / str(seed), "qwen2-vl", seed=seed)
        hub.add(commit, tmp_path / str(seed))
    for commit in (FIRST, SECOND):
        hub.point_to(commit)
        kept, plain = (
            TransformersScorer(NAME, canary=False, local_files_only=True, vision_cache_folder=folder)
            for folder in (str(tmp_path / "features"), None)
        )
        assert kept.score(QUERY, passages) == pytest.approx(plain.score(QUERY, passages), abs=1e-4)


def test_the_parts_of_a_model_are_of_one_revision(
    hub: Hub, checkpoint: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import transformers

    first = hub.add(FIRST, checkpoint("qwen3"))
    hub.add(SECOND, checkpoint("qwen3"))
    (hub.model / "snapshots" / SECOND / "tokenizer.json").unlink()
    hub.point_to(FIRST)
    auto: Any = transformers.AutoConfig
    configured = auto.from_pretrained

    def published_meanwhile(*arguments: Any, **more: Any) -> Any:
        config = configured(*arguments, **more)
        hub.point_to(SECOND)
        return config

    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", published_meanwhile)
    loaded = load(Settings(NAME, local_files_only=True))
    assert loaded.folder == first
    assert loaded.tokenizer.is_fast


def test_a_template_in_the_hub_is_the_models_own(hub: Hub, checkpoint: Callable[[str], str]) -> None:
    snapshot = hub.add(FIRST, checkpoint("qwen3"))
    (snapshot / "tamis_template.toml").write_text(TEMPLATE)
    frame = TransformersScorer(NAME, canary=False, local_files_only=True).load().frame
    assert isinstance(frame, PairFrame)
    assert frame.template.name == "own"
    read = checkpoint_of(NAME, 512, {})
    own = frame_of(read, chat_of(read, Placeholders(read).wrapped()), None, None)
    assert isinstance(own, PairFrame)
    assert own.template.name == "own"


def test_rerankers_in_the_hub_keep_their_own_prompt(hub: Hub, checkpoint: Callable[[str], str]) -> None:
    snapshot = hub.add(FIRST, checkpoint("qwen3"))
    modules = [
        {"idx": 0, "path": "", "type": "Transformer"},
        {"idx": 1, "path": "1_LogitScore", "type": "x.LogitScore"},
    ]
    (snapshot / "modules.json").write_text(json.dumps(modules))
    (snapshot / "1_LogitScore").mkdir()
    (snapshot / "1_LogitScore" / "config.json").write_text('{"true_token_id": 300, "false_token_id": 301}')
    (snapshot / "chat_template.jinja").write_text(
        "{% for m in messages %}<{{ m.role }}>: {{ m.content }}\n{% endfor %}"
    )
    frame = TransformersScorer(NAME, canary=False, local_files_only=True).load().frame
    assert isinstance(frame, RolesFrame)
    assert frame.answers == (300, 301)


def test_the_small_files_are_fetched(
    hub: Hub, checkpoint: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    snapshot = hub.add(FIRST, checkpoint("qwen3"))
    remote = tmp_path / "remote"
    (remote / "1_LogitScore").mkdir(parents=True)
    (remote / "tamis_template.toml").write_text(TEMPLATE)
    (remote / "modules.json").write_text('[{"path": "1_LogitScore", "type": "x.LogitScore"}]')
    (remote / "1_LogitScore" / "config.json").write_text("{}")

    def cached_file(model: str, name: str, **arguments: Any) -> str | None:
        assert model == NAME
        assert arguments.get("revision") in (None, FIRST)
        there, here = remote / name, snapshot / name
        if there.is_file():
            here.parent.mkdir(exist_ok=True)
            shutil.copy(there, here)
        return str(here) if here.is_file() else None

    monkeypatch.setattr("transformers.utils.hub.cached_file", cached_file)
    frame = TransformersScorer(NAME, canary=False).load().frame
    assert isinstance(frame, PairFrame)
    assert frame.template.name == "own"
    assert (snapshot / "1_LogitScore" / "config.json").is_file()
