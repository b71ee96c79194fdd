"""What the tests of harm share: the published sets, and a screen that knows one made-up word."""

from collections.abc import Sequence
from dataclasses import dataclass

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
