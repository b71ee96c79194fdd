"""One file that cannot be cut or embedded is named, and the others are in the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tamis.core.content import Content
from tamis.core.errors import MissingExtra, StoreLocked
from tamis.indexing import index_directory
from tamis.models.embedder import Role
from tamis.testing import FakeEmbedder

from .conftest import OpenStore


@dataclass(frozen=True)
class Refusing(FakeEmbedder):
    """Raises its error over passages with the word "refuse" in them."""

    error: Exception | None = None

    def embed(self, contents: Sequence[Content], role: Role = "passage") -> NDArray[np.float32]:
        if self.error and any("refuse" in content.text for content in contents):
            raise self.error
        return super().embed(contents, role)


def _write(folder: Path) -> None:
    for name, text in {"a.txt": "one", "b.txt": "refuse this", "c.txt": "three"}.items():
        (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("too long"), "ValueError: too long"),
        (RecursionError("too deep"), "RecursionError: too deep"),
        (TimeoutError("too slow"), "TimeoutError: too slow"),
        (KeyError("odd"), "KeyError: 'odd'"),
    ],
)
def test_whatever_is_raised_over_a_file_fails_that_file_only(
    folder: Path, open_store: OpenStore, error: Exception, reason: str
) -> None:
    _write(folder)
    store = open_store(embedder=Refusing(error=error))
    report = index_directory(folder, store)
    assert (report.new, report.failed) == (2, (("b.txt", reason),))
    assert store.count() == 2
    (folder / "b.txt").unlink()
    assert index_directory(folder, store).removed == 0


@pytest.mark.parametrize("error", [MissingExtra("it", extra="local"), StoreLocked("busy"), OSError(28, "disk full")])
def test_what_no_other_file_would_be_spared_ends_the_run(folder: Path, open_store: OpenStore, error: Exception) -> None:
    _write(folder)
    store = open_store(embedder=Refusing(error=error))
    with pytest.raises(type(error)) as raised:
        index_directory(folder, store)
    assert raised.value is error


def test_text_that_sentence_tokenizers_give_up_on_is_indexed(folder: Path, open_store: OpenStore) -> None:
    (folder / "chat.txt").write_text(f"boiler{'!?' * 10_000} and pump")
    (folder / "minified.js").write_text("valve!(b)?(c)" * 2000)
    store = open_store()
    report = index_directory(folder, store)
    assert (report.new, report.failed) == (2, ())
    texts = [node.get_content() for node in store.nodes(store.ids())]
    assert sum(text.count("valve") for text in texts) >= 2000
    assert any("boiler" in text for text in texts)
    assert any("and pump" in text for text in texts)
