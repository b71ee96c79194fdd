"""The pytest plugin of Tamis: holds components to their contract, and whole pipelines to gates, in anybody's own tests.

    def test_my_reranker_keeps_its_contract(tamis_check_postprocessor):
        tamis_check_postprocessor(MyReranker(), "reranker")

    def test_my_engine_withstands_poison(tamis_eval):
        evaluated = tamis_eval("app:engine", "cases.jsonl", "poisoning")
        evaluated.assert_gate("attack_success.poison < 0.1 at 95%")

It stands outside the namespace package, because pytest loads it in every test run of every environment that has Tamis
and rewrites its assertions. Importing it costs nothing: a fixture imports what it needs when it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tamis.eval.report.evaluated import Evaluated
    from tamis.testing import ConformanceReport

P = ParamSpec("P")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--tamis-out`` and ``--tamis-show-content``."""
    group = parser.getgroup("tamis")
    group.addoption(
        "--tamis-out",
        metavar="DIR",
        help="Keep the runs and reports of tamis_eval in DIR/1, DIR/2, ... [a temporary folder of the test run].",
    )
    group.addoption(
        "--tamis-show-content",
        action="store_true",
        help="Do not cut texts that may be harmful in reports and messages of tamis_eval.",
    )


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


@pytest.fixture(scope="session")
def tamis_eval(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Evaluated]:
    """``evaluate(target, data, suite)``: runs a suite, and gives what it found with assertions that respect intervals.

    The target is a query engine, a retriever, an async function, or "module:attribute" for one; the data a path; the
    suite a name or a TOML file. See ``tamis.eval.report.Evaluated`` for ``assert_gate`` and ``assert_no_worse_than``.
    """
    named: str | None = request.config.getoption("--tamis-out")
    whole: bool = request.config.getoption("--tamis-show-content")

    def evaluate(
        target: Any,
        data: Any,
        suite: Any = "quality",
        *,
        out: Path | str | None = None,
        workers: int = 8,
        seed: int | None = None,
        factory: bool = False,
        limit: int | None = None,
    ) -> Evaluated:
        __tracebackhide__ = True
        from pathlib import Path

        from tamis.eval.evaluation import evaluate as run
        from tamis.eval.report.evaluated import Evaluated, next_folder

        if out is None:
            out = next_folder(Path(named) if named else tmp_path_factory.getbasetemp() / "tamis")
        done = run(
            target,
            data,
            suite,
            out=out,
            workers=workers,
            seed=seed,
            factory=factory,
            limit=limit,
            show_content=whole,
        )
        return Evaluated(done.folder, done.report, whole)

    return evaluate
