"""What the tests of data sets share: the published sets, where they are, and files to write."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

Put = Callable[[str, "str | bytes"], Path]


@pytest.fixture
def data() -> Path:
    """The folder of published data sets: $TAMIS_DATA, or shared/data beside the checkout."""
    named = os.environ.get("TAMIS_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[4] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no published data sets here; name their folder in TAMIS_DATA")
    return folder


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Writes a file, in folders as needed, and returns its path."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write
