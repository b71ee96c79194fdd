"""``tamis index`` as people call it."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tamis.cli import app
from tamis.retrievers import Store

WRITING = """
import sys
from tamis.retrievers import Store

with Store.open(sys.argv[1]) as store, store.writing():
    print("writing", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "docs"
    made.mkdir()
    (made / "bus.md").write_text("# Bus\n\nThe red bus goes to town.")
    (made / "boat.txt").write_text("The boat sails at noon.")
    (made / "junk.bin").write_bytes(b"\0\1\2")
    return made


def _index(folder: Path, store: Path, *more: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["index", str(folder), "--store", str(store), "--embedder", "fake", *more])
    return result.exit_code, result.stdout, result.stderr


def test_the_summary_counts_files_and_passages_and_names_what_failed(tmp_path: Path, folder: Path) -> None:
    code, out, err = _index(folder, tmp_path / "store")
    assert (code, err) == (0, "")
    assert "failed junk.bin: binary, not text\n" in out
    assert "2 files new, 0 changed, 0 unchanged, 0 removed, 1 failed, 0 skipped; 2 passages in the store" in out
    (folder / "boat.txt").unlink()
    assert "0 files new, 0 changed, 1 unchanged, 1 removed, 1 failed" in _index(folder, tmp_path / "store")[1]


def test_json_is_one_document_with_every_issue(tmp_path: Path, folder: Path) -> None:
    code, out, _ = _index(folder, tmp_path / "store", "--json", "--glob", "*.md", "--glob", "*.bin")
    document = json.loads(out)
    assert (code, document["new"], document["passages"]) == (0, 1, 1)
    assert document["failed"] == [{"file": "junk.bin", "reason": "binary, not text"}]


def test_the_store_may_come_from_the_environment(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAMIS_STORE", str(tmp_path / "from-environment"))
    result = CliRunner().invoke(app, ["index", str(folder), "--embedder", "fake"])
    assert result.exit_code == 0
    assert (tmp_path / "from-environment").is_dir()


def test_another_embedder_is_refused_with_both_names_and_nothing_is_lost(tmp_path: Path, folder: Path) -> None:
    _index(folder, tmp_path / "store")
    result = CliRunner().invoke(
        app, ["index", str(folder), "--store", str(tmp_path / "store"), "--embedder", "fake-image"]
    )
    assert result.exit_code == 2
    assert "fake-64" in result.stderr
    assert "fake-image-64" in result.stderr
    with Store.open(tmp_path / "store") as store:
        assert store.count() == 2


def test_without_naming_it_again_the_store_s_own_embedder_is_used(tmp_path: Path, folder: Path) -> None:
    _index(folder, tmp_path / "store")
    (folder / "new.txt").write_text("new")
    result = CliRunner().invoke(app, ["index", str(folder), "--store", str(tmp_path / "store"), "--json"])
    assert json.loads(result.stdout)["new"] == 1


def test_a_store_that_another_process_writes_to_is_refused(tmp_path: Path, folder: Path) -> None:
    _index(folder, tmp_path / "store")
    command = [sys.executable, "-c", WRITING, str(tmp_path / "store")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdin is not None
        assert writer.stdout.readline() == "writing\n"
        code, out, err = _index(folder, tmp_path / "store")
        writer.stdin.close()
    assert (code, out) == (2, "")
    assert f"process {writer.pid} is writing" in err
    assert _index(folder, tmp_path / "store")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--chunk-size", "1"], "chunk_size is 1"),
        (["--chunk-overlap", "999"], "chunk_overlap is 999"),
        (["--encoding", "martian"], "martian"),
    ],
)
def test_settings_out_of_range_end_with_2(tmp_path: Path, folder: Path, arguments: list[str], named: str) -> None:
    code, out, err = _index(folder, tmp_path / "store", *arguments)
    assert (code, out) == (2, "")
    assert named in err


def test_a_store_in_a_file_and_a_file_for_a_folder_end_with_2(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert _index(folder, tmp_path / "file")[0] == 2
    code, _, err = _index(folder / "bus.md", tmp_path / "store")
    assert (code, "bus.md is not a folder" in err) == (2, True)


@pytest.mark.parametrize("store", ["docs", "docs/../docs/", "link"])
def test_the_folder_itself_is_no_place_for_the_store_and_nothing_is_made_in_it(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("docs")
    code, out, error = _index(folder, Path(store))
    assert (code, out) == (2, "")
    assert "is the store itself; keep the store in a folder of its own" in error
    assert sorted(path.name for path in folder.iterdir()) == ["boat.txt", "bus.md", "junk.bin"]


def test_no_place_at_all_is_refused_and_makes_no_store_in_the_current_folder(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["index", str(folder), "--store", "", "--embedder", "fake"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.strip() == "tamis: --store is empty; name a folder, or the URL of a Chroma server"
    assert [path.name for path in tmp_path.iterdir()] == ["docs"]


def test_file_names_cannot_steer_the_terminal(tmp_path: Path, folder: Path) -> None:
    (folder / "\x1b[31mred.bin").write_bytes(b"\0")
    assert "\x1b" not in _index(folder, tmp_path / "store")[1]


def test_ctrl_c_says_how_to_go_on_and_the_next_run_does(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(1500):
        (folder / f"{number}.txt").write_text(f"number {number} " * 40)
    command = [sys.executable, "-m", "tamis", "index", str(folder), "--store", str(tmp_path / "store")]
    command += ["--embedder", "fake"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # The list of files is written after the first batch.
    deadline = time.monotonic() + 90
    while not (tmp_path / "store/files.json").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, "")
    assert err == "tamis: interrupted; what was done so far is kept, run the same command again to go on\n"
    code, out, _ = _index(folder, tmp_path / "store", "--json")
    report = json.loads(out)
    assert code == 0
    assert report["new"] + report["unchanged"] == 1500
    assert report["unchanged"] > 0
    with Store.open(tmp_path / "store") as store:
        assert len({node.ref_doc_id for node in store.nodes(store.ids())}) == 1500
