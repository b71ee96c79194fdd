"""Vision features on disk: what is read of a folder that others write into too, and how large it grows."""

import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.models.counting import counted
from tamis.models.mllm import TransformersScorer
from tamis.models.mllm.vision_folder import VisionFolder

QUERY = Content("which colour is the bus?")
ONE = {"embeddings": torch.zeros(100, 8)}


def test_a_damaged_file_of_features_is_computed_again(checkpoint: Any, picture: Any, tmp_path: Path) -> None:
    passage = Content("", (picture(1),))
    folder = str(tmp_path / "features")
    score = TransformersScorer(checkpoint("qwen2-vl"), vision_cache_folder=folder).score(QUERY, [passage])
    [file] = (tmp_path / "features").glob("*.safetensors")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    again = TransformersScorer(checkpoint("qwen2-vl"), vision_cache_folder=folder)
    with counted() as counts:
        assert again.score(QUERY, [passage]) == pytest.approx(score, abs=1e-4)
    assert counts.to_dict()["vision_misses"] == 1


def test_a_folder_of_features_stays_within_its_bytes(tmp_path: Path) -> None:
    folder = VisionFolder(tmp_path / "f", budget=8_000)
    for name in ("a", "b", "c"):
        folder.put(name, ONE)
        os.utime(tmp_path / "f" / f"{name}.safetensors")
    assert folder.get("c") is not None
    assert folder.get("a") is None
    assert folder.held == sum(file.stat().st_size for file in (tmp_path / "f").iterdir()) <= 8_000
    folder.put("larger than all", {"embeddings": torch.zeros(10_000)})
    assert folder.get("larger than all") is None
    assert VisionFolder(tmp_path / "f", budget=8_000).held == folder.held


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSetting, match="file/inside"):
        VisionFolder(tmp_path / "file" / "inside", budget=10)


@pytest.mark.parametrize("family", ["qwen2-vl", "qwen3-vl", "llava"])
def test_features_that_are_not_this_images_are_computed_again(
    family: str, checkpoint: Any, picture: Any, tmp_path: Path
) -> None:
    passage = Content("", (picture(1),))
    folder = tmp_path / "features"
    score = TransformersScorer(checkpoint(family), canary=False, vision_cache_folder=str(folder)).score(
        QUERY, [passage]
    )
    [file] = folder.glob("*.safetensors")
    whole = load_file(file)
    odd = [
        {"something": torch.zeros(3)},
        {**whole, "embeddings": whole["embeddings"][:-1]},
        {**whole, "embeddings": whole["embeddings"][:, :-1].contiguous()},
        {**whole, "embeddings": torch.zeros(whole["embeddings"].shape, dtype=torch.int64)},
        *({name: tensor for name, tensor in whole.items() if name != missing} for missing in whole),
        *([{**whole, "grid": torch.tensor([1, 2, 2])}] if "grid" in whole else []),
    ]
    scorer = TransformersScorer(checkpoint(family), canary=False, vision_cache=0, kv_cache=0)
    runtime = scorer.load()
    for tensors in odd:
        runtime.engine.vision.folder = VisionFolder(folder, 10**6)
        save_file(tensors, file)
        with counted() as counts:
            assert scorer.score(QUERY, [passage]) == pytest.approx(score, abs=1e-4)
        assert counts.to_dict()["vision_misses"] == 1
        assert set(load_file(file)) == set(whole), "what is right did not take its place"


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk on which nothing can be written, touched or removed, as for another user; root may do everything."""

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    for name in ("utime", "replace", "unlink"):
        monkeypatch.setattr(os, name, refuse)
    monkeypatch.setattr(Path, "unlink", refuse)


def test_a_folder_that_may_only_be_read_is_read(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    VisionFolder(tmp_path, 100_000).put("a", ONE)
    (tmp_path / "broken.safetensors").write_bytes(b"broken")
    (tmp_path / ".unfinished-x").write_bytes(b"")
    os.utime(tmp_path / ".unfinished-x", (0, 0))
    request.getfixturevalue("refused")
    folder = VisionFolder(tmp_path, 4_000)
    assert folder.get("a") is not None
    assert folder.get("broken") is None
    assert folder.get("missing") is None
    folder.put("b", ONE)
    assert folder.get("b") is None


def test_what_may_not_be_read_counts_as_not_there_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = VisionFolder(tmp_path, 100_000)
    folder.put("a", ONE)
    (tmp_path / "folder.safetensors").mkdir()

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", refuse)
        assert folder.get("a") is None
    assert folder.get("folder") is None
    folder.put("folder", ONE)
    assert folder.get("a") is not None


def test_files_may_be_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        VisionFolder(tmp_path, 100_000).put("a", ONE)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.safetensors").stat().st_mode) == 0o640


def test_two_processes_keep_one_budget(tmp_path: Path) -> None:
    first, second = VisionFolder(tmp_path, 20_000), VisionFolder(tmp_path, 20_000)
    for number in range(12):
        first.put(f"first {number}", ONE)
        second.put(f"second {number}", ONE)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 20_000 + 2 * 3_400
    assert second.get("second 11") is not None


def test_what_a_killed_process_left_is_removed_after_an_hour(tmp_path: Path) -> None:
    old, new = tmp_path / ".unfinished-old", tmp_path / ".unfinished-new"
    for file in (old, new):
        file.write_bytes(b"x" * 1000)
    os.utime(old, (time.time() - 4000,) * 2)
    VisionFolder(tmp_path, 100_000)
    assert not old.exists()
    assert new.exists()
