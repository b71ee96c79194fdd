"""The one call: from a pipeline, data and a suite to a report."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting
from tamis.eval.case import Case
from tamis.eval.evaluation import aevaluate, evaluate
from tamis.eval.run.plan import Plan
from tamis.eval.run.runner import Progress
from tamis.eval.suite import Suite

CASES = [Case(f"c{number}", Content(f"q{number}"), answers=(f"a{number}",)) for number in range(12)]
SUITE = Suite.of({"name": "small", "metrics": ["answer_f1"], "gates": ["answer_f1.clean > 0.5"]})


def answer(question: str) -> str:
    return question.replace("q", "a")


def test_a_function_cases_and_a_suite_give_a_report_in_a_folder_of_its_own() -> None:
    seen: list[Progress] = []
    run = evaluate(answer, CASES, SUITE, progress=seen.append)
    assert run.passed
    assert run.report.estimate("answer_f1").mean == 1.0
    assert (run.folder / "report.json").is_file()
    assert [progress.done for progress in seen] == list(range(13))
    assert seen[-1] == Progress(12, 12, 0)


def test_what_is_given_stands_in_place_of_the_suites(tmp_path: Path) -> None:
    run = evaluate(answer, CASES, SUITE, out=tmp_path / "run", seed=9, limit=3, deadline_s=2.5)
    plan = Plan.read(tmp_path / "run")
    assert (plan.seed, plan.suite["deadline_s"], run.report.counts.cases) == (9, 2.5, 3)
    assert not run.passed
    with pytest.raises(BadSetting, match="limit must be at least 1"):
        evaluate(answer, CASES, SUITE, out=tmp_path / "none", limit=0)
    with pytest.raises(BadInput, match="there is a str in it"):
        evaluate(answer, ["q"], SUITE, out=tmp_path / "none")  # type: ignore[list-item]
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("seed", [-1, 1.5, "x", True])
def test_a_seed_is_a_whole_number_of_0_or_more(seed: Any, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="seed must be a whole number of 0 or more, not"):
        evaluate(answer, CASES, SUITE, out=tmp_path / "none", seed=seed)
    with pytest.raises(BadInput, match="seed: must be a whole number of 0 or more, not"):
        Suite("small", SUITE.metrics, seed=seed)


def test_in_an_event_loop_it_is_awaited(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(BadSetting, match="await aevaluate"):
            evaluate(answer, CASES, SUITE, out=tmp_path / "run")
        run = await aevaluate(answer, CASES, SUITE, out=tmp_path / "run")
        assert run.report.estimate("answer_f1").scored == 12

    asyncio.run(main())


def test_a_blocking_function_is_asked_by_as_many_threads_as_there_are_workers(tmp_path: Path) -> None:
    seconds: list[float] = []

    def slow(question: str) -> str:
        time.sleep(0.25)
        return answer(question)

    def note(progress: Progress) -> None:
        seconds.append(time.monotonic())

    evaluate(slow, CASES, SUITE, out=tmp_path / "run", workers=12, progress=note)
    assert seconds[-1] - seconds[0] < 12 * 0.25 / 2


def test_the_target_is_closed_also_after_a_failure(engine: Any, tmp_path: Path) -> None:
    target = engine()
    evaluate(target, CASES, SUITE, out=tmp_path / "run")
    assert target.closed
    again = engine()
    with pytest.raises(BadInput, match="holds this run already"):
        evaluate(again, CASES, SUITE, out=tmp_path / "run")
    assert again.closed
