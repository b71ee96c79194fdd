"""What the tests of harm share: the published sets, and a screen that knows one made-up word."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tamis.core.content import Content
from tamis.models.screen import Screened


@dataclass(frozen=True)
class WordScreen:
    """Stops what holds the word; says nothing of contents without text."""

    word: str = "zorblat"
    threshold: float = 0.5
    name: str = "word"

    def screen(self, contents: Sequence[Content]) -> list[Screened]:
        return [
            Screened(float(self.word in content.text)) if content.text.strip() else Screened(None, "no text")
            for content in contents
        ]


@pytest.fixture
def word_screen() -> WordScreen:
    return WordScreen()


@pytest.fixture
def data() -> Path:
    """The folder of published data sets: $TAMIS_DATA, or shared/data beside the checkout."""
    named = os.environ.get("TAMIS_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[4] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no published data sets here; name their folder in TAMIS_DATA")
    return folder
