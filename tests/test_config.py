"""A tamis.toml with a value of the wrong kind: refused in one line, and never read as something else."""

from pathlib import Path

import pytest

from tamis.config import PipelineConfig
from tamis.core.errors import BadInput, BadSetting, TamisError
from tamis.core.image import Image
from tamis.pipeline import stages
from tamis.testing import FixedRetriever


def written(folder: Path, text: str) -> Path:
    path = folder / "tamis.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("roots", ['"/data/images"', '"images"', "3", "true", "[1]", '[""]', '[" "]', '{a = "images"}'])
def test_roots_that_are_no_list_of_folders_open_nothing(tmp_path: Path, roots: str) -> None:
    path = written(tmp_path, f"[media]\nroots = {roots}\n")
    with pytest.raises(
        BadSetting, match=r'tamis\.toml: \[media\] roots must be a list of folders, such as \["images"\]'
    ):
        PipelineConfig.load(path)


def test_a_list_of_roots_allows_those_folders_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "inside").write_bytes(b"a")
    (tmp_path / "outside").write_bytes(b"b")
    media = PipelineConfig.load(written(tmp_path, '[media]\nroots = ["images"]\n')).media
    assert media is not None
    assert media.read(Image(path=str(tmp_path / "images" / "inside"))) == b"a"
    with pytest.raises(TamisError, match="not inside an allowed folder"):
        media.read(Image(path=str(tmp_path / "outside")))


@pytest.mark.parametrize("setting", ['urls = "yes"', 'max_bytes = "many"', "max_pixels = 0"])
def test_another_setting_for_media_is_refused_with_the_file(tmp_path: Path, setting: str) -> None:
    with pytest.raises(BadSetting, match=rf"tamis\.toml: \[media\] {setting.split()[0]} must be"):
        PipelineConfig.load(written(tmp_path, f"[media]\n{setting}\n"))


def test_brackets_without_end_are_no_toml(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"tamis\.toml: is not TOML"):
        PipelineConfig.load(written(tmp_path, "[retrieve]\ncandidates = " + "[" * 100_000))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[retrieve]\ncandidates = "50"\n', "candidates is '50'"),
        ("[retrieve]\ncandidates = 50.5\n", "candidates is 50.5"),
        ("[retrieve]\ncandidates = true\n", "candidates is True"),
        ("[retrieve]\ncandidates = [50]\n", r"candidates is \[50\]"),
        ("[defend]\nwith = [1]\n", "a defence is 1"),
        ("[defend]\nwith = [true]\n", "a defence is True"),
        ('[defend]\nwith = "chorus"\n', "must be a list"),
        ('[defend]\nwith = {name = "chorus"}\n', "must be a list"),
        ("[defend]\nwith = 1\n", "must be a list"),
        ("[order]\nname = 5\n", "order is 5"),
        ('[rerank]\nbatch_size = "x"\n', "batch_size"),
        ("[rerank]\ncalibrator = 5\n", "calibrator"),
        ("[select]\npolicy = [1]\n", "policy"),
        ('[duplicates]\nthreshold = "x"\n', "threshold"),
    ],
)
def test_a_value_of_the_wrong_kind_is_a_bad_setting(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(BadSetting, match=named):
        stages(FixedRetriever([]), written(tmp_path, text))
