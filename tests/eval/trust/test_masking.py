"""Entity-masked twins: the same placeholder everywhere and back, and no gap for one that only reads its context."""

from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.eval import evaluate
from tamis.eval.attacks import Pool
from tamis.eval.case import Case
from tamis.eval.datasets import load
from tamis.eval.datasets.own_documents import with_own_documents
from tamis.eval.metrics import metric_of
from tamis.eval.suite import Suite
from tamis.eval.trust.masking import Mask, MaskedTarget

from .engines import HONEST, Engine

TEXTS = st.lists(
    st.sampled_from(["Marie Curie", "Warsaw", "Curie", "the", "was born in", "1867", ".", "Marie", "New York"]),
    max_size=10,
).map(" ".join)

SUITE = Suite("masked", (metric_of("answer_contained"),))


def mask_of(case: Case) -> Mask:
    return Mask.of([case.query.text, *(one.content.text for one in case.documents)])


@given(TEXTS, TEXTS)
def test_what_is_hidden_comes_back(one: str, other: str) -> None:
    mask = Mask.of([one, other])
    assert len(set(mask.names)) == len(mask.names)
    for text in (one, other):
        assert mask.reveal(mask.hide(text)) == text
        assert not any(f" {name} " in f" {mask.hide(text)} " for name in mask.names)


def test_a_name_has_one_placeholder_in_question_and_context() -> None:
    mask = Mask.of(
        ["Where was Marie Curie born?", "The town of Warsaw saw Marie Curie. Paris came later; Paris stayed."]
    )
    assert set(mask.names) == {"Marie Curie", "Warsaw", "Paris"}
    hidden = mask.hide("marie curie and Warsaw")
    assert mask.reveal(hidden) == "Marie Curie and Warsaw"
    assert mask.reveal("Entity 99 and nothing") == "Entity 99 and nothing"


@pytest.fixture
def cases(data: Path) -> list[Case]:
    questions = load(data / "litm" / "nq-open-oracle.jsonl.gz")
    pool = Pool(list(islice(questions.documents(), 100)))
    return with_own_documents(islice(questions.cases(), 20), pool, others=2)


def answered(target: object, cases: list[Case]) -> float:
    found = evaluate(target, cases, SUITE, workers=4).report
    estimate = found.estimate("answer_contained")
    assert estimate.failed == 0
    return (estimate.mean or 0.0) * estimate.scored / len(cases)


def test_one_that_reads_loses_nothing_and_one_that_remembers_loses_all(cases: list[Case]) -> None:
    def reads(question: str, texts: object) -> str:
        return "\n".join(texts)  # type: ignore[arg-type]

    reader = Engine("reader", reads)
    assert answered(reader, cases) == answered(MaskedTarget(reader), cases) > 0.9
    memory = {case.query.text: case.answers[0] for case in cases}
    remembers = Engine("memory", lambda question, texts: memory.get(question, "I don't know."))
    named = [case for case in cases if mask_of(case).hide(case.query.text) != case.query.text]
    assert len(named) >= 5
    assert answered(remembers, named) == 1.0
    assert answered(MaskedTarget(remembers), named) == 0.0, "a hidden question is one that nobody remembers"


def test_a_pipeline_with_its_own_corpus_cannot_be_masked() -> None:
    found = evaluate(MaskedTarget(HONEST), [Case("c", Content("q"), answers=("a",))], SUITE)
    assert found.report.counts.failed == 1
