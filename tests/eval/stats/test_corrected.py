"""Rates of imperfect judges: corrected they come near the truth, and where nothing can be said nothing is."""

import numpy as np
import pytest

from tamis.core.errors import BadInput
from tamis.eval.stats import (
    Detector,
    Interval,
    mean_interval,
    prediction_powered,
    prediction_powered_rate,
    rate_interval,
    rogan_gladen,
    rogan_gladen_of,
)

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


def test_a_share_with_its_interval_is_corrected_as_the_rate_it_is() -> None:
    """Of a plain rate the two differ by the exact interval, which is a little wider than Jeffreys'."""
    by_count, by_interval = rogan_gladen(30, 100, GOOD), rogan_gladen_of(rate_interval(30, 100), GOOD)
    assert by_count is not None
    assert by_interval is not None
    assert by_interval.mean == by_count.mean
    assert by_interval[1:3] == pytest.approx(by_count[1:3], abs=0.015)
    assert by_interval.n == 100


def test_a_prediction_powered_rate_by_hand() -> None:
    """Of 100 labelled cases the judge missed 20 and took 10 for hits: people say 0.1 more."""
    found = prediction_powered_rate(Interval(0.5, 0.4, 0.6, 100), Detector(30, 50, 40, 50))
    assert found.mean == pytest.approx(0.6)
    assert prediction_powered_rate(Interval(0.95, 0.9, 1.0, 100), Detector(30, 50, 40, 50)).mean == 1.0
    flawless = prediction_powered_rate(Interval(0.5, 0.499, 0.501, 100), Detector(5, 5, 5, 5))
    assert flawless.low is not None
    assert flawless.low < 0.48


@pytest.mark.parametrize(("mean", "low", "high"), [(1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (0.5, None, None)])
def test_values_that_all_agree_are_known_from_as_many_cases_and_no_more(
    mean: float, low: float | None, high: float | None
) -> None:
    found = rogan_gladen_of(Interval(mean, low, high, 20), Detector(10**6, 10**6, 10**6, 10**6))
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert 0.08 < found.high - found.low < 0.5


def test_corrected_shares_of_claims_hold_the_truth_where_raw_ones_do_not() -> None:
    """200 runs at 95% of 60 answers with 3 claims each: a true share of 0.85, Se 0.8, Sp 0.9, known from 80 each."""
    rng = np.random.default_rng(3)
    held = {"raw": 0, "rogan-gladen": 0, "prediction-powered": 0}
    for _ in range(200):
        truth = rng.random((60, 3)) < 0.85
        said = np.where(truth, rng.random((60, 3)) < 0.8, rng.random((60, 3)) >= 0.9)
        raw = mean_interval(said.mean(axis=1).tolist(), seed=1)
        elsewhere = Detector(int(rng.binomial(80, 0.8)), 80, int(rng.binomial(80, 0.9)), 80)
        own = rng.random(100) < 0.85
        judged = np.where(own, rng.random(100) < 0.8, rng.random(100) >= 0.9)
        sampled = Detector(int((own & judged).sum()), int(own.sum()), int((~own & ~judged).sum()), int((~own).sum()))
        for name, found in (
            ("raw", raw),
            ("rogan-gladen", rogan_gladen_of(raw, elsewhere, seed=1)),
            ("prediction-powered", prediction_powered_rate(raw, sampled, seed=1)),
        ):
            assert found is not None
            assert found.low is not None
            assert found.high is not None
            held[name] += found.low <= 0.85 <= found.high
    assert held["raw"] <= 0.05 * 200
    assert held["rogan-gladen"] >= 0.91 * 200
    assert held["prediction-powered"] >= 0.91 * 200


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
    with pytest.raises(BadInput, match="a share lies between 0 and 1"):
        rogan_gladen_of(Interval(1.5, 1.0, 2.0, 10), GOOD)
