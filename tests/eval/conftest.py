"""What the laboratory's tests share: the published data sets, where they are."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def data() -> Path:
    """The folder of published data sets: $TAMIS_DATA, or shared/data beside the checkout."""
    named = os.environ.get("TAMIS_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no published data sets here; name their folder in TAMIS_DATA")
    return folder
