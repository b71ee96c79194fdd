"""The settings of a hybrid retriever: of the right kind, and something is left to search by."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tamis.core.errors import BadSetting
from tamis.retrievers import Store
from tamis.retrievers.settings import checked_weights
from tamis.testing import FakeEmbedder, FakeImageEmbedder


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store.open(tmp_path_factory.mktemp("store"), FakeEmbedder(), create=True)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"weights": "dense"}, "weights is 'dense'; it must be a mapping"),
        ({"weights": ["dense"]}, "it must be a mapping"),
        ({"weights": {"dense": "1"}}, "\"dense\" is '1'"),
        ({"weights": {"dense": True}}, '"dense" is True'),
        ({"rrf_k": "60"}, "rrf_k is '60'"),
        ({"rrf_k": float("inf")}, "rrf_k is inf"),
        ({"calibrations": "dense"}, "calibrations is 'dense'; it must be a mapping"),
        ({"calibrations": {"dense": 1}}, '"dense" is 1; it must be a function'),
        ({"filters": {"year": 1998}}, "filters is {'year': 1998}"),
        ({"media": "images"}, "media is 'images'"),
    ],
)
def test_a_setting_of_the_wrong_kind_is_named(store: Store, setting: dict[str, Any], message: str) -> None:
    with pytest.raises(BadSetting, match=message):
        store.retriever(**setting)


@pytest.mark.parametrize("fusion", ["rrf", "calibrated"])
def test_weights_must_leave_a_source_that_the_embedder_has(tmp_path: Path, store: Store, fusion: Any) -> None:
    without_text = {"dense": 0, "bm25": 0}
    with pytest.raises(BadSetting, match="all weights are 0"):
        store.retriever(weights=without_text, fusion=fusion)
    with Store.open(tmp_path, FakeImageEmbedder(), create=True) as seeing:
        assert seeing.retriever(weights=without_text, fusion=fusion).weights == {"dense": 0.0, "bm25": 0.0}
        with pytest.raises(BadSetting, match="all weights are 0"):
            seeing.retriever(weights={**without_text, "image": 0}, fusion=fusion)


def test_the_embedder_is_not_asked_where_a_text_source_counts() -> None:
    def loads_a_model() -> bool:
        raise AssertionError("asked")

    assert checked_weights({"dense": 0, "bm25": np.float32(0.5)}, loads_a_model) == {"dense": 0.0, "bm25": 0.5}  # type: ignore[dict-item]
