"""``tamis demo`` as a command; what it measures is tested where it is measured."""

from pathlib import Path

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
