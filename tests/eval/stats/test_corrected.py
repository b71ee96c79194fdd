"""Rates of imperfect judges: corrected they come near the truth, and where nothing can be said nothing is."""

import numpy as np
import pytest

from tamis.core.errors import BadInput
from tamis.eval.stats import Detector, prediction_powered, rogan_gladen

GOOD = Detector(true_positives=160, positives=200, true_negatives=180, negatives=200)


def test_rogan_gladen_by_hand_and_clipped() -> None:
    """(0.3 + 0.9 - 1) / (0.8 + 0.9 - 1) = 0.2 / 0.7."""
    found = rogan_gladen(30, 100, GOOD)
    assert found is not None
    assert found.mean == pytest.approx(2 / 7)
    assert found.n == 100
    low, high = rogan_gladen(2, 100, GOOD), rogan_gladen(95, 100, GOOD)
    assert low is not None
    assert high is not None
    assert (low.mean, high.mean) == (0.0, 1.0)
    perfect = rogan_gladen(30, 100, Detector(10**6, 10**6, 10**6, 10**6))
    assert perfect is not None
    assert perfect[:3] == pytest.approx((0.3, 0.216, 0.396), abs=0.005)


def test_a_detector_that_says_nothing_corrects_nothing() -> None:
    assert rogan_gladen(30, 100, Detector(50, 100, 50, 100)) is None
    assert rogan_gladen(30, 100, Detector(20, 100, 60, 100)) is None
    hardly = rogan_gladen(30, 100, Detector(6, 10, 5, 10))
    assert hardly is not None
    assert hardly[1:3] == (None, None)


def test_a_detector_known_from_few_cases_makes_a_rate_less_sure() -> None:
    few = rogan_gladen(30, 100, Detector(16, 20, 18, 20))
    many = rogan_gladen(30, 100, GOOD)
    assert few is not None
    assert many is not None
    assert few[2] - few[1] > 1.2 * (many[2] - many[1])  # type: ignore[operator]
    assert rogan_gladen(30, 100, GOOD, seed=1) == rogan_gladen(30, 100, GOOD, seed=1)


def test_corrected_rates_hold_the_truth_where_raw_ones_do_not() -> None:
    """300 runs at 95% with a true rate of 0.15, Se 0.8, Sp 0.9: the raw rate is about 0.205."""
    rng = np.random.default_rng(9)
    held, raw = 0, []
    for _ in range(300):
        hits = int(rng.binomial(400, 0.15 * 0.8 + 0.85 * 0.1))
        found = rogan_gladen(hits, 400, Detector(int(rng.binomial(100, 0.8)), 100, int(rng.binomial(100, 0.9)), 100))
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.15 <= found.high
        raw.append(hits / 400)
    assert held >= 0.92 * 300
    assert np.mean(raw) > 0.19


def test_prediction_powered_by_hand() -> None:
    """The judge's mean is 0.5; on the two labelled cases humans say 0.5 less on average."""
    found = prediction_powered([1.0, 1.0, 0.0, 0.0], [0.0, 1.0, None, None])
    assert found.mean == pytest.approx(0.0)
    assert found.n == 4
    everyone = prediction_powered([1.0, 1.0, 0.0], [0.0, 1.0, 1.0])
    assert everyone.mean == pytest.approx(2 / 3)
    assert prediction_powered([1.0, 0.0], [1.0, None])[1:3] == (None, None)


def test_prediction_powered_holds_and_a_good_judge_makes_it_narrower() -> None:
    """300 runs at 95% of 600 cases with 60 labels; the judge says yes too often and is right in 9 of 10 cases."""
    rng = np.random.default_rng(10)
    held, narrower = 0, 0
    for _ in range(300):
        truth = rng.random(600) < 0.3
        judged = np.where(rng.random(600) < 0.1, True, truth)
        labels: list[float | None] = [float(one) if n < 60 else None for n, one in enumerate(truth)]
        found = prediction_powered(judged.astype(float).tolist(), labels)
        alone = prediction_powered([0.0] * 60, labels[:60])
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.3 <= found.high
        narrower += found.high - found.low < 0.8 * (alone.high - alone.low)  # type: ignore[operator]
    assert held >= 0.92 * 300
    assert narrower >= 0.95 * 300


def test_what_says_nothing_is_refused() -> None:
    with pytest.raises(BadInput, match="at least one labelled"):
        prediction_powered([1.0], [None])
    with pytest.raises(BadInput, match="2 judged"):
        prediction_powered([1.0, 0.0], [1.0])
    with pytest.raises(BadInput, match="3 of 2"):
        Detector(3, 2, 1, 1)
    with pytest.raises(BadInput, match="0 of 0"):
        Detector(1, 1, 0, 0)
    with pytest.raises(BadInput, match="11 of 10"):
        rogan_gladen(11, 10, GOOD)
