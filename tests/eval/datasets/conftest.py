"""What the tests of data sets share: the published sets, where they are, and files to write."""

from collections.abc import Callable
from pathlib import Path

import pytest

Put = Callable[[str, "str | bytes"], Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Writes a file, in folders as needed, and returns its path."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write
