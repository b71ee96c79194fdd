"""Whole runs: nothing lost, nothing run twice, the same numbers however they are carried out."""

import asyncio
import json
import logging
import math
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting
from tamis.eval.outcome import Unscored
from tamis.eval.run.journal import FILE, Journal, records
from tamis.eval.run.plan import Plan
from tamis.eval.run.session import How
from tamis.eval.target import Request
from tamis.eval.trace import Passage, Step, Trace


def by_key(folder: Path) -> dict[tuple[str, str], Any]:
    return {record.key: record for record in records(folder)}


@pytest.mark.parametrize("workers", [4, 32])
def test_the_numbers_are_the_same_at_any_number_of_workers(laboratory: Any, engine: Any, workers: int) -> None:
    alone = laboratory.run(engine(), "alone", workers=1)
    # Answers come back in another order than they were asked for.
    shuffled = engine(behave=lambda request: asyncio.sleep(int(request.case[1:]) * 7 % 5 / 200))
    together = laboratory.run(shuffled, "together", workers=workers)
    assert len(laboratory.numbers(alone)) == 20 * 5
    assert laboratory.numbers(alone) == laboratory.numbers(together)
    assert workers // 2 < shuffled.most_under_way <= workers


def test_another_seed_gives_other_numbers(laboratory: Any, engine: Any) -> None:
    first, second = (laboratory.run(engine(), str(seed), seed=seed) for seed in (1, 2))
    assert laboratory.numbers(first) != laboratory.numbers(second)


def test_a_record_says_what_was_attacked_seen_and_scored(laboratory: Any, engine: Any) -> None:
    found = by_key(laboratory.run(engine()))
    record = found["c1", "plants@2"]
    step = record.evidence["steps"][0]
    assert record.realised == 2
    assert record.outcomes["exposure [retrieve]"].value == pytest.approx(2 / 3)
    assert set(record.timings) == {"latency", "attempts"}
    assert [(one["id"], one["planted"], one["gold"]) for one in step["passages"]] == [
        ("p0", "plants", False),
        ("p1", "plants", False),
        ("d1", None, True),
    ]
    assert record.answer.startswith("wrong 0.")
    assert found["c1", "plants@2~control"].answer.startswith("harmless 0.")


def test_where_an_attack_does_not_apply_nothing_is_scored_and_nothing_asked(laboratory: Any, engine: Any) -> None:
    target = engine()
    found = by_key(laboratory.run(target))
    assert found["c4", "plants@1"].error == "not applicable: the case is immune"
    assert found["c4", "plants@1"].outcomes["answer_length"] == Unscored("not applicable: the case is immune")
    assert found["c4", "clean"].error is None
    assert target.asked.count("c4") == 1


def _exit(request: Request) -> None:
    raise SystemExit(3)


def _cancel(request: Request) -> None:
    raise asyncio.CancelledError


def _raise(request: Request) -> None:
    raise RuntimeError("no such index")


async def _swallow(request: Request) -> None:
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            # Does not heed being cancelled, once.
            await asyncio.sleep(0.5)
            return


BAD = {
    "raises": (_raise, "RuntimeError: no such index"),
    "ends the program": (_exit, "BadInput: the target tried to end the program"),
    "cancels itself": (_cancel, "BadInput: the target cancelled its own work"),
    "hangs": (lambda request: asyncio.sleep(3600), "no answer within 0.2 s"),
    "hangs and will not be cancelled": (_swallow, "no answer within 0.2 s"),
    "gives a text": (lambda request: "Paris", "BadInput: the target gave str where a Trace was expected"),
    "gives passages without ids": (
        lambda request: Trace((Step("retrieve", (Passage(None, Content("x")),)),)),  # type: ignore[arg-type]
        'BadInput: a passage of the step "retrieve" has the id None; it must be a text',
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_case_is_a_row_and_the_others_are_unharmed(laboratory: Any, engine: Any, what: str) -> None:
    behave, said = BAD[what]
    laboratory.suite = replace(laboratory.suite, deadline_s=0.2)
    expected = by_key(laboratory.run(engine(), "good"))
    found = by_key(laboratory.run(engine(behave=lambda request: behave(request) if request.case == "c2" else None)))
    for key, record in found.items():
        if key[0] == "c2":
            assert record.error == said
            assert "answer_length" in record.outcomes
        else:
            assert record.outcomes == expected[key].outcomes
    assert len(found) == len(expected) == 100


def test_strange_answers_are_kept_within_bounds(laboratory: Any, engine: Any) -> None:
    laboratory.count = 4
    answers = {
        "c0": Trace(answer=Content("x" * 10_000_000)),
        "c1": Trace(answer=Content("half a pair \ud83d, a line end \u2028, \x1b[31m")),
        "c2": Trace(answer=Content("")),
        "c3": Trace((Step("s", (Passage("d", Content("t"), math.nan),) * 5000),), answer=None),
    }
    folder = laboratory.run(engine(behave=lambda request: answers[request.case]))
    found = by_key(folder)
    assert found["c0", "clean"].outcomes["answer_length"].value == 10_000_000
    assert found["c0", "clean"].answer.endswith("[9980000 more characters]")
    assert found["c1", "clean"].answer == "half a pair ?, a line end \u2028, \x1b[31m"
    assert found["c2", "clean"].outcomes["answer_length"].reason == "no answer"
    assert found["c3", "clean"].evidence["steps"][0]["passages"][0]["score"] is None
    assert found["c3", "clean"].evidence["steps"][0]["left_out"] == 4900
    assert (folder / FILE).stat().st_size < 2_000_000


def test_a_target_that_blocks_its_thread_for_ever_keeps_nobody(laboratory: Any, engine: Any) -> None:
    laboratory.count = 3
    laboratory.suite = replace(laboratory.suite, deadline_s=0.2, attacks=())
    for_ever = threading.Event()
    target = engine(behave=lambda request: asyncio.to_thread(for_ever.wait) if request.case == "c1" else None)
    start = time.monotonic()
    found = by_key(laboratory.run(target))
    assert time.monotonic() - start < 5
    assert [found[f"c{number}", "clean"].error for number in range(3)] == [None, "no answer within 0.2 s", None]
    for_ever.set()


def test_a_passing_failure_is_tried_again_and_counted(laboratory: Any, engine: Any) -> None:
    laboratory.count = 2
    laboratory.suite = replace(laboratory.suite, attacks=(), retries=1)
    failures: dict[str, list[Exception]] = {
        "c0": [ConnectionResetError("gone")],
        "c1": [TimeoutError("slow"), TimeoutError("slow again")],
    }

    def behave(request: Request) -> None:
        if failures[request.case]:
            raise failures[request.case].pop(0)

    found = by_key(laboratory.run(engine(behave=behave)))
    assert found["c0", "clean"].error is None
    assert found["c1", "clean"].error == "TimeoutError: slow again"
    assert [found[f"c{number}", "clean"].timings["attempts"].value for number in range(2)] == [2, 2]


def test_a_metric_that_raises_costs_its_own_figure(laboratory: Any, engine: Any) -> None:
    class Broken:
        name = "broken"
        about = laboratory.suite.metrics[0].about

        def score(self, seen: Any) -> Any:
            return {"broken": 1.0} if seen.case.id == "c1" else 1 / 0

    laboratory.suite = replace(laboratory.suite, metrics=(*laboratory.suite.metrics, Broken()), attacks=())
    found = by_key(laboratory.run(engine()))
    assert found["c0", "clean"].outcomes["broken"].error == "ZeroDivisionError: division by zero"
    assert "the metric gave float" in found["c1", "clean"].outcomes["broken"].error
    assert found["c1", "clean"].outcomes["answer_length"].value == 5


def test_a_run_that_was_cut_short_goes_on_where_it_was(laboratory: Any, engine: Any) -> None:
    whole = laboratory.run(engine(), "whole")
    folder = laboratory.run(engine(), "cut")
    journal = folder / FILE
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:37]) + lines[37][:50])
    target = engine()
    laboratory.run(target, "cut", resume=True)
    assert laboratory.numbers(folder) == laboratory.numbers(whole)
    assert journal.read_bytes().startswith(b"".join(lines[:37]))
    asked_of_the_whole = engine()
    laboratory.run(asked_of_the_whole, "again")
    kept = sum(json.loads(line)["record"]["error"] is None for line in lines[:37])
    assert len(target.asked) == len(asked_of_the_whole.asked) - kept
    assert len(Plan.read(folder).sessions) == 2


def test_a_finished_run_asks_nothing_again(laboratory: Any, engine: Any) -> None:
    laboratory.run(engine())
    target = engine()
    laboratory.run(target, resume=True)
    assert target.asked == []


def test_a_folder_of_another_run_is_refused_naming_what_differs(laboratory: Any, engine: Any) -> None:
    folder = laboratory.run(engine())
    before = (folder / FILE).read_bytes()
    with pytest.raises(BadInput, match=r"run holds this run already; go on with it by --resume"):
        laboratory.run(engine())
    with pytest.raises(BadInput, match=r"another run: seed is 1 there and 2 here"):
        laboratory.run(engine(), resume=True, seed=2)
    with pytest.raises(BadInput, match=r'target is "engine" there and "other" here'):
        laboratory.run(engine(name="other"), resume=True)
    laboratory.count = 19
    with pytest.raises(BadInput, match=r"another run: data\.sha256 is"):
        laboratory.run(engine(), resume=True)
    laboratory.count = 20
    laboratory.suite = replace(laboratory.suite, deadline_s=6.0)
    with pytest.raises(BadInput, match=r"suite\.deadline_s is 5\.0 there and 6\.0 here"):
        laboratory.run(engine(), resume=True)
    assert (folder / FILE).read_bytes() == before


def test_a_folder_with_something_else_in_it_is_refused(laboratory: Any, engine: Any, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("")
    with pytest.raises(BadInput, match=r'holds something else \("thesis.tex"\)'):
        laboratory.run(engine())
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="is no folder"):
        laboratory.run(engine(), "file")


def test_a_run_that_was_ended_before_its_plan_was_written_can_be_started(laboratory: Any, engine: Any) -> None:
    (laboratory.folder / "run").mkdir()
    Journal(laboratory.folder / "run").close()
    assert len(laboratory.numbers(laboratory.run(engine(), resume=True))) == 100


def test_an_interrupt_leaves_a_run_that_goes_on_and_says_how(
    laboratory: Any, engine: Any, caplog: pytest.LogCaptureFixture
) -> None:
    whole = laboratory.run(engine(), "whole")

    def interrupt(request: Request) -> None:
        if request.case == "c9":
            os.kill(os.getpid(), signal.SIGINT)

    with caplog.at_level(logging.WARNING), pytest.raises(KeyboardInterrupt):
        laboratory.run(engine(behave=interrupt, wait=0.01), workers=4)
    folder = laboratory.folder / "run"
    count = len(list(records(folder)))
    assert 0 < count < 100
    assert f"interrupted; {count} of 100 records are safe in {folder}: go on with --resume" in caplog.text
    laboratory.run(engine(), resume=True)
    assert laboratory.numbers(folder) == laboratory.numbers(whole)


def test_no_more_cases_are_read_ahead_than_the_window_holds(laboratory: Any, engine: Any) -> None:
    laboratory.count = 400
    laboratory.suite = replace(laboratory.suite, attacks=())
    target = engine(wait=0.001)
    drawn = 0
    lead: list[int] = []
    wanted = laboratory.wanted(target)
    original = wanted.data.cases

    class Counted:
        name, format, documents = wanted.data.name, wanted.data.format, wanted.data.documents

        def cases(self) -> Any:
            nonlocal drawn
            for case in original():
                drawn += 1
                lead.append(drawn - len(target.asked))
                yield case

    from tamis.eval.run.session import run

    asyncio.run(run(replace(wanted, data=Counted()), laboratory.folder / "run", How(workers=4)))
    assert len(lead) == 400
    assert max(lead) <= 2 * 4 + 32 + 16


def test_settings_of_a_run_are_checked() -> None:
    with pytest.raises(BadSetting, match="workers must be a whole number of at least 1, not 0"):
        How(workers=0)
    with pytest.raises(BadSetting, match='no executor is called "dask"; known: local, ray'):
        How(executor="dask")  # type: ignore[arg-type]
    with pytest.raises(BadSetting, match="needs the executor ray"):
        How(address="auto")
