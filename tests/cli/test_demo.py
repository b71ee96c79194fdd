"""``tamis demo`` as a command; what it measures is tested where it is measured."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tamis.cli import app


def test_an_output_that_cannot_be_written_is_told_before_anything_is_built(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["demo", "--store", str(tmp_path / "store"), "--output", str(tmp_path / "no" / "demo.json")]
    )
    assert result.exit_code == 2
    assert str(tmp_path / "no") in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("store", "named"), [("http://127.0.0.1:1", "127.0.0.1:1"), ("http://host:port", "Port"), ("", "--store is empty")]
)
def test_a_store_at_an_address_is_asked_for_there_and_no_folder_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str, named: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["demo", "--store", store, "--no-attacks"])
    assert result.exit_code == 2
    assert named in result.stderr
    assert list(tmp_path.iterdir()) == []
