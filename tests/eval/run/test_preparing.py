"""What all cases share is built before the first of them, and in no case's deadline."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadInput
from tamis.eval.case import Case, Document
from tamis.eval.evaluation import evaluate
from tamis.eval.run.data import Cases
from tamis.eval.suite import Suite

CORPUS = [Document(f"d{number}", Content(f"passage {number}")) for number in range(3)]
CASES = [Case(f"c{number}", Content(f"q{number}"), answers=("a",)) for number in range(6)]
SUITE = Suite.of({"name": "small", "metrics": ["answer_f1"], "deadline_s": 0.4, "retries": 0})


def slow(documents: Sequence[Document]) -> Any:
    if len(documents) == len(CORPUS):
        time.sleep(0.8)
    return lambda question: "a"


def test_a_shared_pipeline_takes_no_case_s_time(tmp_path: Path) -> None:
    run = evaluate(slow, Cases(CASES, CORPUS), SUITE, out=tmp_path / "run", workers=3, factory=True)
    assert (run.report.counts.records, run.report.counts.failed) == (6, 0)


def test_it_is_not_built_where_every_case_has_documents_of_its_own(tmp_path: Path) -> None:
    built: list[int] = []

    def factory(documents: Sequence[Document]) -> Any:
        built.append(len(documents))
        return lambda question: "a"

    cases = [Case("c", Content("q"), documents=tuple(CORPUS[:2]), answers=("a",))]
    evaluate(factory, Cases(cases, CORPUS), SUITE, out=tmp_path / "run", factory=True)
    assert sorted(built) == [1, 2]


@pytest.mark.parametrize("least", [1, 3])
def test_a_factory_that_fails_is_the_user_s_to_mend(least: int, tmp_path: Path) -> None:
    def factory(documents: Sequence[Document]) -> Any:
        if len(documents) >= least:
            raise ValueError("no such index")
        return lambda question: "a"

    with pytest.raises(BadInput, match=r'the target ".*factory" cannot be made: ValueError: no such index'):
        evaluate(factory, Cases(CASES, CORPUS), SUITE, out=tmp_path / "run", factory=True)
