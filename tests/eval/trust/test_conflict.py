"""Knowledge conflict: three engines whose rows are the extremes, M_R, and ConflictQA's opposed texts."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from tamis.eval import evaluate
from tamis.eval.attacks import Pool, holds_answer
from tamis.eval.case import Case
from tamis.eval.datasets import load
from tamis.eval.datasets.own_documents import with_own_documents
from tamis.eval.run.journal import records
from tamis.eval.suite import Suite
from tamis.eval.trust.conflict import memory_ratio, said, takes_from
from tamis.eval.trust.conflict_rates import ConflictTable, conflict_table
from tamis.eval.trust.counter_memory import counter_memory_cases, denies

from .engines import Engine

NO = "I cannot answer this question."


@pytest.fixture
def cases(data: Path) -> list[Case]:
    """Questions with a short answer, each with its passage and two that do not hold the answer."""
    questions = load(data / "litm" / "nq-open-oracle.jsonl.gz")
    pool = Pool(list(islice(questions.documents(), 200)))
    return with_own_documents(islice(questions.cases(), 25), pool, others=2)


def table(cases: list[Case], answer: Callable[[str, list[str]], str]) -> ConflictTable:
    engine = Engine("engine", lambda question, texts: answer(question, list(texts)))
    run = evaluate(engine, cases, "conflict", workers=4)
    return conflict_table(records(run.folder))


def rates(found: ConflictTable) -> dict[str, float | None]:
    return {row.name: None if row.rate is None else row.rate.mean for row in found.rows}


def test_one_that_always_follows_its_context(cases: list[Case]) -> None:
    found = table(cases, lambda question, texts: " ".join(texts) or NO)
    assert rates(found) == {
        "adherence": 1.0,
        "ignorance": 0.0,
        "overinclusion": 1.0,
        "robustness": None,
        "abstains_irrelevant": 0.0,
        "abstains_empty": 1.0,
        "abstains_relevant": 0.0,
    }
    assert found.memory_ratio is not None
    assert (found.memory_ratio.mean, found.memory_ratio.n > 10) == (0.0, True)


def test_one_that_always_answers_from_memory(cases: list[Case]) -> None:
    memory: Mapping[str, str] = {case.query.text: case.answers[0] for case in cases}
    found = table(cases, lambda question, texts: memory[question])
    assert rates(found) == {
        "adherence": 0.0,
        "ignorance": pytest.approx(0.5, abs=0.05),  # none under the clean context, all under the swapped one
        "overinclusion": 0.0,
        "robustness": 1.0,
        "abstains_irrelevant": 0.0,
        "abstains_empty": 0.0,
        "abstains_relevant": 0.0,
    }
    assert found.memory_ratio is not None
    assert found.memory_ratio.mean == 1.0


def test_one_that_always_refuses(cases: list[Case]) -> None:
    found = table(cases, lambda question, texts: NO)
    assert rates(found) == {
        "adherence": None,
        "ignorance": None,
        "overinclusion": None,
        "robustness": None,
        "abstains_irrelevant": 1.0,
        "abstains_empty": 1.0,
        "abstains_relevant": 1.0,
    }
    assert found.memory_ratio is None


def test_the_numbers_are_the_same_with_one_worker_and_with_eight(cases: list[Case]) -> None:
    engine = Engine("engine", lambda question, texts: " ".join(texts)[:200])
    runs = [evaluate(engine, cases[:8], "conflict", workers=workers) for workers in (1, 8)]
    one, eight = ((run.folder / "report.json").read_bytes() for run in runs)
    assert one == eight
    assert conflict_table(records(runs[0].folder)) == conflict_table(records(runs[1].folder))


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("It was Lyon.", "context"),
        ("It was Paris.", "memory"),
        ("Paris, or Lyon.", "both"),
        ("Rome.", "neither"),
        ("", "refused"),
        (NO, "refused"),
    ],
)
def test_what_was_said(answer: str, found: str) -> None:
    assert said(answer, ["Lyon"], ["Paris"]) == found


def test_yes_and_no_are_read_as_stances() -> None:
    assert said("Yes, they are.", ["no", "false"], ["yes", "true"]) == "memory"
    assert said("They are not related.", ["no", "false"], ["yes", "true"]) == "context"
    assert said("Notes.", ["no"], ["yes"]) == "neither"


def test_the_memory_ratio() -> None:
    assert (memory_ratio(0, 4), memory_ratio(4, 0), memory_ratio(0, 0)) == (0.0, 1.0, None)


def test_words_taken_from_a_context() -> None:
    assert takes_from("The whale.", ["Whales sing."], "What sings?")
    assert not takes_from("What sings?", ["Whales sing."], "What sings?")
    assert not takes_from("A green bicycle.", ["Whales sing."], "What sings?")


def test_conflictqa_gives_opposed_texts_alone_and_in_both_orders(data: Path) -> None:
    cases = counter_memory_cases(islice(load(data / "conflictqa" / "conflictQA-strategyQA-gpt4.jsonl").cases(), 200))
    assert len(cases) % 3 == 0
    assert len(cases) > 3 * 120
    for case in cases:
        assert set(case.answers).isdisjoint(case.extra["context_answers"])
        assert len(case.documents) == (1 if case.tags == ("counter",) else 2)
    suite = Suite.of("conflict")
    plain = replace(suite, attacks=(), metrics=tuple(one for one in suite.metrics if one.name == "memory_ratio"))

    def ratio(answer: Callable[[str], str]) -> tuple[float | None, int]:
        engine = Engine("engine", lambda question, texts: answer(texts[-1]))
        report = evaluate(engine, cases[:90], plain, workers=4).report
        found = report.estimate("memory_ratio")
        return found.mean, found.scored

    stances = {case.documents[-1].content.text: case for case in cases[:90]}

    def last_text_wins(text: str) -> str:
        case = stances[text]
        is_memory = case.documents[-1].id == case.extra["memory"]
        return case.answers[0] if is_memory else case.extra["context_answers"][0]

    mean, scored = ratio(last_text_wins)
    assert mean is not None
    assert (round(mean, 2), scored) == (0.33, 90), "only where the memory's text comes last does memory win"
    assert ratio(lambda text: NO)[1] == 0


def test_a_case_that_brings_its_own_conflict_is_in_the_table(data: Path) -> None:
    """ConflictQA by its format: the clean context is what speaks against memory, so that no attack need turn it."""
    questions = load(data / "conflictqa" / "conflictQA-strategyQA-gpt4.jsonl", "conflictqa-counter")
    assert questions.format == "conflictqa-counter"
    cases = list(islice(questions.cases(), 60))
    same = counter_memory_cases(islice(load(questions.path, "conflictqa").cases(), 40))
    assert cases == same[:60]
    by_text = {case.documents[-1].content.text: case for case in cases}

    def last_text_wins(question: str, texts: list[str]) -> str:
        if not texts or texts[-1] not in by_text:
            return NO
        case = by_text[texts[-1]]
        is_memory = case.documents[-1].id == case.extra["memory"]
        return case.answers[0] if is_memory else case.extra["context_answers"][0]

    found = table(cases, last_text_wins)
    assert found.memory_ratio is not None
    assert (round(found.memory_ratio.mean, 2), found.memory_ratio.n) == (0.33, 60)
    adherence = found.rate("adherence")
    assert adherence is not None
    assert (round(adherence.mean, 2), adherence.n) == (0.67, 60)
    assert found.rate("ignorance") is None, "a yes or no stands in no passage"
    assert found.rate("overinclusion") is None


def test_denials() -> None:
    assert denies("It isn't so.")
    assert not denies("It is not never so.")
    assert holds_answer("not", ["not"])
