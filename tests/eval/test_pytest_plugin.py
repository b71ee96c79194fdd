"""The pytest plugin, as pytest loads it: by its entry point."""

import math
from collections.abc import Callable, Sequence

import pytest

from tamis.core.content import Content
from tamis.models import LocalScorer
from tamis.testing import ConformanceReport, FakeScorer


class ScorerThatForgets(LocalScorer):
    """Gives one score too few."""

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        return [math.e for _ in passages[1:]]


def test_the_plugin_is_installed(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.pluginmanager.has_plugin("tamis")


def test_a_component_that_keeps_its_contract_passes(tamis_check_scorer: Callable[..., ConformanceReport]) -> None:
    assert tamis_check_scorer(FakeScorer()).passed


def test_a_component_that_does_not_fails_the_test_with_the_reasons(
    tamis_check_scorer: Callable[..., ConformanceReport],
) -> None:
    with pytest.raises(AssertionError, match="ScorerThatForgets fails"):
        tamis_check_scorer(ScorerThatForgets())
