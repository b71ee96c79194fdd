"""Which files of a folder are read, and which never are."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.errors import BadInput
from tamis.indexing.discover import check_folder, find_files, matches


def _write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("text")


def test_files_are_found_in_all_folders_and_sorted(tmp_path: Path) -> None:
    _write(tmp_path, "b.md", "a/z.txt", "a/b/c.py")
    assert find_files(tmp_path).files == ("a/b/c.py", "a/z.txt", "b.md")


def test_hidden_files_other_tools_folders_and_virtual_environments_are_left_out(tmp_path: Path) -> None:
    _write(tmp_path, ".env", ".git/config", "node_modules/x.js", "pkg/__pycache__/x.txt", "env/pyvenv.cfg", "env/a.py")
    _write(tmp_path, "kept.txt")
    assert find_files(tmp_path).files == ("kept.txt",)


def test_a_folder_below_a_hidden_one_can_be_read(tmp_path: Path) -> None:
    _write(tmp_path, ".cache/docs/a.md")
    assert find_files(tmp_path / ".cache/docs").files == ("a.md",)


def test_the_store_inside_the_folder_is_left_out(tmp_path: Path) -> None:
    _write(tmp_path, "a.md", "store/chroma.txt")
    assert find_files(tmp_path, leave_out=[tmp_path / "store"]).files == ("a.md",)
    with pytest.raises(BadInput, match=r"is the store itself"):
        find_files(tmp_path, leave_out=[tmp_path])


def test_glob_picks_and_exclude_leaves_out_files_and_folders(tmp_path: Path) -> None:
    _write(tmp_path, "a.md", "a.py", "build/b.md", "docs/c.md", "docs/deep/d.md")
    assert find_files(tmp_path, glob=["*.md"], exclude=["build"]).files == ("a.md", "docs/c.md", "docs/deep/d.md")
    assert find_files(tmp_path, glob=["docs/**/*.md"]).files == ("docs/c.md", "docs/deep/d.md")
    assert find_files(tmp_path, exclude=["docs/deep/", "*.py"]).files == ("a.md", "build/b.md", "docs/c.md")


def test_symbolic_links_are_not_followed_and_those_that_lead_out_are_named(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    _write(root, "a.md", "sub/b.md")
    _write(outside, "secret.md")
    (root / "loop").symlink_to(root, target_is_directory=True)
    (root / "inside.md").symlink_to(root / "a.md")
    (root / "out").symlink_to(outside, target_is_directory=True)
    (root / "out.md").symlink_to(outside / "secret.md")
    (root / "broken.md").symlink_to(root / "nowhere")
    (root / "self.md").symlink_to(root / "self.md")
    found = find_files(root)
    assert found.files == ("a.md", "sub/b.md")
    assert [issue.file for issue in found.skipped] == ["broken.md", "out", "out.md", "self.md"]


def test_a_fifo_is_skipped_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    found = find_files(tmp_path)
    assert found.files == ()
    assert found.skipped[0].file == "pipe.txt"


def test_a_name_that_is_no_unicode_is_a_failure_of_that_file_only(tmp_path: Path) -> None:
    _write(tmp_path, "good.md")
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.md")).write_text("x")
    except OSError:
        pytest.skip("this file system takes no such name")
    found = find_files(tmp_path)
    assert found.files == ("good.md",)
    assert found.failed[0].file == "bad\\xff.md"


def test_a_missing_folder_a_file_and_an_unreadable_folder_are_refused_with_their_name(tmp_path: Path) -> None:
    _write(tmp_path, "a.md")
    with pytest.raises(BadInput, match=r"no folder .*nowhere"):
        check_folder(tmp_path / "nowhere")
    with pytest.raises(BadInput, match=r"a\.md is not a folder"):
        check_folder(tmp_path / "a.md")


def test_gone_is_what_is_deleted_or_excluded_but_not_what_a_glob_passes_over(tmp_path: Path) -> None:
    _write(tmp_path, "a.md", "b.py", "build/c.md")
    found = find_files(tmp_path, glob=["*.md"], exclude=["build"])
    assert found.gone(["a.md", "b.py", "build/c.md", "deleted.md"]) == ["build/c.md", "deleted.md"]


@given(st.lists(st.text(alphabet="ab", min_size=1, max_size=4), min_size=1, max_size=3))
def test_a_path_fits_itself_its_suffix_pattern_and_nothing_else_by_accident(parts: list[str]) -> None:
    relative = "/".join(parts)
    assert matches(relative, [relative])
    assert matches(relative, ["*"])
    assert not matches(relative, ["z*"])
    assert not matches(relative, [])


def test_another_store_in_the_folder_is_left_out_and_named(tmp_path: Path) -> None:
    _write(tmp_path, "a.md", "sub/store/writer.lock", "sub/store/manifest.json", "sub/store/b.md")
    found = find_files(tmp_path)
    assert found.files == ("a.md",)
    assert [(issue.file, "a store of Tamis" in issue.reason) for issue in found.skipped] == [("sub/store/", True)]
    assert find_files(tmp_path, leave_out=[tmp_path / "sub/store"]).skipped == ()
    assert find_files(tmp_path, exclude=["sub"]).skipped == ()
