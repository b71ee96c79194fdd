"""What a run could have shown, and what a clean one leaves open."""

import numpy as np
import pytest
from scipy import stats as reference  # type: ignore[import-untyped]
from statsmodels.stats.power import TTestPower  # type: ignore[import-untyped]

from tamis.core.errors import BadInput, BadSetting
from tamis.eval.stats import rate_interval, residual_risk, smallest_detectable_difference, spread_of


@pytest.mark.parametrize(("n", "power"), [(8, 0.8), (50, 0.8), (50, 0.95)])
def test_a_difference_of_that_size_is_found_as_often_as_it_says(n: int, power: float) -> None:
    """1,000 t-tests: the share found lies within 4 standard errors of the power."""
    found = smallest_detectable_difference(n, 2.0, power=power)
    assert found is not None
    draws = np.random.default_rng(6).normal(found, 2.0, size=(1000, n))
    share = float((reference.ttest_1samp(draws, 0.0, axis=1).pvalue < 0.05).mean())
    assert share == pytest.approx(power, abs=4 * (power * (1 - power) / 1000) ** 0.5)


@pytest.mark.parametrize("n", [3, 5, 40, 3000])
@pytest.mark.parametrize("power", [0.5, 0.8, 0.99])
def test_it_is_that_of_statsmodels(n: int, power: float) -> None:
    expected = TTestPower().solve_power(nobs=n, alpha=0.1, power=power, alternative="two-sided")
    assert smallest_detectable_difference(n, 3.0, confidence=0.9, power=power) == pytest.approx(3 * expected, rel=2e-3)


def test_what_scatters_not_at_all_says_nothing_and_more_pairs_show_less() -> None:
    assert smallest_detectable_difference(1, 0.5) is None
    assert smallest_detectable_difference(100, 0.0) is None
    sizes = [smallest_detectable_difference(n, 1.0) for n in (10, 100, 1000)]
    assert sizes == sorted(sizes, reverse=True)  # type: ignore[type-var]


def test_copies_scatter_as_what_they_are_copies_of() -> None:
    values = np.random.default_rng(1).normal(size=25)
    alone = spread_of(values.tolist())
    assert alone == pytest.approx((25, values.std(ddof=1)))
    copies = spread_of(np.repeat(values, 4).tolist(), clusters=np.repeat(np.arange(25), 4).tolist())
    assert copies == pytest.approx(alone)
    assert spread_of([1.0, 2.0], clusters=["q", "q"]) == (1, 0.0)


def test_no_hit_in_n_is_the_bound_that_the_exact_interval_has() -> None:
    """One-sided at 97.5% is the upper end of the two-sided 95%; 3/n is the rule of thumb at 95%."""
    assert residual_risk(40, 0.975) == pytest.approx(rate_interval(0, 40).high)
    assert residual_risk(1000) == pytest.approx(3 / 1000, rel=0.01)
    assert residual_risk(0) == 1.0
    assert residual_risk(0, prior="uniform") == pytest.approx(0.95)
    assert residual_risk(20, prior="uniform") == pytest.approx(reference.beta(1, 21).ppf(0.95))


def test_bad_settings_are_refused() -> None:
    with pytest.raises(BadSetting, match="power"):
        smallest_detectable_difference(10, 1.0, power=1.0)
    with pytest.raises(BadInput, match="-1"):
        smallest_detectable_difference(-1, 1.0)
    with pytest.raises(BadInput, match="-3 trials"):
        residual_risk(-3)
    with pytest.raises(BadSetting, match="maybe"):
        residual_risk(3, prior="maybe")  # type: ignore[arg-type]


@pytest.mark.parametrize("factor", [1e-250, 1e200, 1e300])
def test_the_scale_of_the_differences_scales_their_spread(factor: float) -> None:
    values = np.random.default_rng(3).normal(size=50)
    clusters = [n // 2 for n in range(50)]
    for groups in (None, clusters):
        alone = spread_of(values.tolist(), clusters=groups)
        found = spread_of((values * factor).tolist(), clusters=groups)
        assert found.n == alone.n
        assert found.deviation == pytest.approx(alone.deviation * factor)
