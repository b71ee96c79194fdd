"""A target that cannot be closed costs a run a warning, and not its report."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tamis.core.content import Content
from tamis.eval.case import Case
from tamis.eval.evaluation import evaluate
from tamis.eval.run.closing import close
from tamis.eval.suite import Suite
from tamis.eval.target import Takes
from tamis.eval.trace import Trace


@dataclass
class Closes:
    """Answers, and does something else when it is closed."""

    error: BaseException | None = None
    name: str = "closes"
    takes: frozenset[Takes] = frozenset()

    async def run(self, request: Any) -> Trace:
        return Trace(answer=Content("a"))

    async def close(self) -> None:
        if self.error is None:
            await asyncio.sleep(3600)
        else:
            raise self.error


@pytest.mark.parametrize("error", [RuntimeError("no connection"), SystemExit(3)])
def test_an_error_is_a_warning_and_the_report_is_there(
    error: BaseException, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    suite = Suite.of({"name": "small", "metrics": ["answer_f1"]})
    run = evaluate(Closes(error), [Case("c", Content("q"), answers=("a",))], suite, out=tmp_path / "run")
    assert (run.folder / "report.html").is_file()
    assert f'the target "closes" could not be closed: {type(error).__name__}: {error}' in caplog.text


def test_one_that_hangs_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    asyncio.run(close(Closes(), seconds=0.05))
    assert "could not be closed: it did not end within 0.05 s" in caplog.text
