"""mSD: the two values worked out by hand, whatever the order, and nothing on another scale."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.errors import BadSetting
from tamis.eval.metrics import Observed
from tamis.eval.metrics.similarity_distribution import MeanSimilarityDistribution, similarity_distribution
from tamis.eval.outcome import Unscored

PASSAGES = [("p", 0.9), ("q", 0.1), ("r", 0.8)]


@pytest.mark.parametrize(("positive", "expected"), [("q", 0.1027), ("p", 0.7303)])
@pytest.mark.parametrize("order", [PASSAGES, PASSAGES[::-1]], ids=["given", "turned"])
def test_by_hand_in_any_order(
    observe: Callable[..., Observed], order: list[tuple[str, float]], positive: str, expected: float
) -> None:
    """Of 0.95, 0.9, 0.55: q is third, 0.55 / 2.4 * (1 - exp(-0.55 / 0.925)); p is first, 1 - exp(-0.95 / 0.725)."""
    seen = observe(order, relevance={positive: 1})
    found = MeanSimilarityDistribution().score(seen)["mSD [context]"]
    assert found.to_json() == {"scored": pytest.approx(expected, abs=5e-5)}


def test_two_positives_by_hand() -> None:
    """Ranks 1 and 3 of 0.8, 0.6, 0.4: (0.8/0.8 + 1.2/1.8) / 2 * (1 - exp(-0.6 / 0.6))."""
    found = similarity_distribution([0.8, 0.6, 0.4], [True, False, True])
    assert found == pytest.approx((1 + 2 / 3) / 2 * (1 - math.exp(-1)))


@given(st.lists(st.tuples(st.floats(0.01, 1), st.booleans()), min_size=2, max_size=20))
def test_it_lies_below_one_and_is_silent_without_contrast(pairs: list[tuple[float, bool]]) -> None:
    found = similarity_distribution([one for one, _ in pairs], [relevant for _, relevant in pairs])
    if len({relevant for _, relevant in pairs}) == 1:
        assert found is None
    else:
        assert found is not None
        assert 0 < found <= 1


@pytest.mark.parametrize("scores", [(3.2, -1.0), (None, 0.4), (1.5, 0.2)], ids=["log-odds", "none", "above one"])
def test_scores_that_are_no_similarities_are_not_scored(
    observe: Callable[..., Observed], scores: tuple[float | None, float]
) -> None:
    seen = observe(list(zip("ab", scores, strict=True)), relevance={"a": 1})
    assert isinstance(MeanSimilarityDistribution().score(seen)["mSD [context]"], Unscored)


def test_probabilities_have_a_scale_of_their_own(observe: Callable[..., Observed]) -> None:
    seen = observe([("a", 0.8), ("b", 0.2)], relevance={"a": 1})
    metric = MeanSimilarityDistribution("unit")
    found = metric.score(seen)
    assert list(found) == ["mSD(unit) [step 0]", "mSD(unit) [context]"]
    assert found["mSD(unit) [context]"].to_json() == {"scored": pytest.approx(1 - math.exp(-4))}
    zeros = observe([("a", 0.0), ("b", 0.0)], relevance={"a": 1})
    assert isinstance(metric.score(zeros)["mSD(unit) [context]"], Unscored)
    with pytest.raises(BadSetting, match="feet"):
        MeanSimilarityDistribution("feet")  # type: ignore[arg-type]
