"""Files that are whole or not there, and what is no file stays what it is."""

import os
import threading
from pathlib import Path

import pytest

from tamis.core.atomic import atomic_file, write_bytes


def test_what_fails_half_way_leaves_the_old_bytes_and_nothing_beside_them(tmp_path: Path) -> None:
    place = tmp_path / "a.json"
    write_bytes(place, b"old")
    with pytest.raises(TypeError), atomic_file(place) as file:
        file.writelines([b"ne", "w"])  # type: ignore[list-item]
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert place.read_bytes() == b"old"


@pytest.mark.parametrize("target", ["old", None])
def test_a_link_stays_and_its_target_is_written(tmp_path: Path, target: str | None) -> None:
    (tmp_path / "other").mkdir()
    if target:
        (tmp_path / "other" / "a.json").write_text(target)
    link = tmp_path / "link.json"
    link.symlink_to("other/a.json")
    write_bytes(link, b"new")
    assert link.is_symlink()
    assert (tmp_path / "other" / "a.json").read_bytes() == b"new"
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["a.json"]


def test_a_pipe_is_written_into_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write_bytes(pipe, b"numbers")
    reader.join(timeout=20)
    assert read == [b"numbers"]
    assert pipe.is_fifo()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


@pytest.mark.parametrize("name", [".", "folder"])
def test_a_folder_is_refused_in_one_line(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(IsADirectoryError, match=rf"it is a folder; name a file in it: '{name}'$"):
        write_bytes(Path(name), b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_no_folder_to_write_into_and_links_in_a_ring_are_errors_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_bytes(tmp_path / "none" / "a.json", b"x")
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="a"):
        write_bytes(tmp_path / "a", b"x")
    assert (tmp_path / "a").is_symlink()
