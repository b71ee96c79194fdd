"""The pytest plugin of Tamis: holds retrievers, postprocessors and scorers to their contract in anybody's own tests.

    def test_my_reranker_keeps_its_contract(tamis_check_postprocessor):
        tamis_check_postprocessor(MyReranker(), "reranker")

It stands outside the namespace package, because pytest loads it in every test run of every environment that has Tamis
and rewrites its assertions. Importing it costs nothing: a fixture imports what it needs when it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec

import pytest

if TYPE_CHECKING:
    from tamis.testing import ConformanceReport

P = ParamSpec("P")


def _strictly(check: Callable[P, ConformanceReport]) -> Callable[P, ConformanceReport]:
    """The same check, failing the test with every assertion that is not met."""

    def strict(*args: P.args, **kwargs: P.kwargs) -> ConformanceReport:
        __tracebackhide__ = True
        report = check(*args, **kwargs)
        report.raise_if_failed()
        return report

    return strict


@pytest.fixture(scope="session")
def tamis_check_retriever() -> Callable[..., ConformanceReport]:
    """``tamis.testing.check_retriever``, with its arguments; fails the test if the contract is not kept."""
    from tamis.testing import check_retriever

    return _strictly(check_retriever)


@pytest.fixture(scope="session")
def tamis_check_postprocessor() -> Callable[..., ConformanceReport]:
    """``tamis.testing.check_postprocessor``, with its arguments; fails the test if the contract is not kept."""
    from tamis.testing import check_postprocessor

    return _strictly(check_postprocessor)


@pytest.fixture(scope="session")
def tamis_check_scorer() -> Callable[..., ConformanceReport]:
    """``tamis.testing.check_scorer``, with its arguments; fails the test if the contract is not kept."""
    from tamis.testing import check_scorer

    return _strictly(check_scorer)
