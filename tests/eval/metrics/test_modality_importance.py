"""The modality importance score: its truth table, and answerers of whom it is known what they look at."""

from itertools import combinations
from random import Random

import pytest

from tamis.core.errors import BadInput
from tamis.eval.metrics.modality_importance import modality_importance

# video, subtitle, both: right or not | both scores, kind
TABLE = [
    (0, 0, 0, 0, 0, "agnostic, incorrect"),
    (0, 1, 0, -1, 0, "subtitle-biased"),
    (1, 0, 0, 0, -1, "video-biased"),
    (1, 1, 0, -1, -1, "none"),
    (0, 0, 1, 1, 1, "complementary"),
    (0, 1, 1, 0, 1, "subtitle-biased"),
    (1, 0, 1, 1, 0, "video-biased"),
    (1, 1, 1, 0, 0, "agnostic, correct"),
]


@pytest.mark.parametrize(("video", "subtitle", "both", "of_video", "of_subtitle", "kind"), TABLE)
def test_the_truth_table(video: int, subtitle: int, both: int, of_video: int, of_subtitle: int, kind: str) -> None:
    found = modality_importance(
        {("video",): bool(video), ("subtitle",): bool(subtitle), ("subtitle", "video"): bool(both)}
    )
    assert found.scores == {"video": of_video, "subtitle": of_subtitle}
    assert found.kind == kind


@pytest.mark.parametrize("names", [("text", "image"), ("text", "image", "table")])
def test_an_answerer_that_looks_at_one_modality_is_found_out(names: tuple[str, ...]) -> None:
    """And one that needs all of them at once."""
    sets = [some for size in range(1, len(names) + 1) for some in combinations(names, size)]
    rng = Random(0)
    for _ in range(20):
        needed = rng.choice(names)
        found = modality_importance({some: needed in some for some in sets})
        assert found.kind == f"{needed}-biased"
        assert max(found.scores, key=found.scores.__getitem__) == needed
    together = modality_importance({some: len(some) == len(names) for some in sets})
    assert together.kind == "complementary"
    assert len(set(together.scores.values())) == 1


def test_three_modalities_by_hand() -> None:
    """Right with a alone, with ab and with abc: MIS of a is (ab, ac, abc) 2/3 - (b, c, bc) 0."""
    right = {("a",), ("a", "b"), ("a", "b", "c")}
    sets = [some for size in (1, 2, 3) for some in combinations("abc", size)]
    found = modality_importance({some: some in right for some in sets})
    assert found.scores == pytest.approx({"a": 2 / 3, "b": 2 / 3 - 1 / 3, "c": 1 / 3 - 2 / 3})
    assert found.kind == "none"


def test_missing_sets_and_single_modalities_are_refused() -> None:
    with pytest.raises(BadInput, match=r"missing: text\+image"):
        modality_importance({("text",): True, ("image",): False})
    with pytest.raises(BadInput, match="at least two"):
        modality_importance({("text",): True})
