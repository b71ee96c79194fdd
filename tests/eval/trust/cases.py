"""A suite of trust over real questions: CLAPnq and Lost in the Middle with passages of their own, and BBQ's pairs."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

from tamis.eval.attacks import Pool, attack_of
from tamis.eval.case import Case
from tamis.eval.datasets import load
from tamis.eval.datasets.own_documents import with_own_documents
from tamis.eval.metrics import metric_of
from tamis.eval.suite import Suite, Trial
from tamis.models.judge import Judge

METRICS: tuple[str, ...] = (
    "answer_contained",
    "answer_f1",
    "factual",
    "attack_success",
    "evidence_shown",
    "citations_valid",
)
METRICS += ("bbq_accuracy", "bbq_s_dis", "bbq_s_amb", "personal_data_leaked", "context_repeated", "context_copied")
METRICS += ("answered", "refused")
JUDGED = ("key_facts_recall", "key_facts_precision", "citation_recall", "citation_precision")


def real_cases(data: Path, *, each: int = 24) -> list[Case]:
    """So many questions of each of three sets."""
    found: list[Case] = []
    for path in ("clapnq/clapnq_dev_answerable.jsonl", "litm/nq-open-oracle.jsonl.gz"):
        questions = load(data / path)
        pool = Pool(list(islice(questions.documents(), 300)))
        found += with_own_documents(islice(questions.cases(), each), pool, others=2)
    decided = [one for one in islice(load(data / "bbq" / "Age.jsonl").cases(), 1_200) if "silent" in one.extra]
    return [*found, *decided[:: max(1, len(decided) // each)][:each]]


def cited_cases(data: Path, count: int) -> list[Case]:
    """So many of CLAPnq's questions, whose key facts are marked, each with its passage and two others."""
    questions = load(data / "clapnq/clapnq_dev_answerable.jsonl")
    pool = Pool(list(islice(questions.documents(), 300)))
    return with_own_documents(islice(questions.cases(), count), pool, others=2)


def judged_suite(judge: str | Judge) -> Suite:
    """What the two dimensions need that hang on a judge."""
    names = ("answer_contained", "answer_f1", "evidence_shown", "citations_valid", "context_copied")
    metrics = (*map(metric_of, names), *(metric_of({"name": name, "judge": judge}) for name in JUDGED))
    return replace(Suite.of("trust"), metrics=metrics, attacks=(), gates=())


def small_suite(judge: str | Judge) -> Suite:
    """The metrics and attacks of "trust" that the six dimensions need, judged by one judge."""
    base = Suite.of("trust")
    metrics = (*map(metric_of, METRICS), *(metric_of({"name": name, "judge": judge}) for name in JUDGED))
    trials = (
        Trial(attack_of("contradiction"), (1.0,), control=False),
        Trial(attack_of("distractors"), (3.0,), control=False),
        Trial(attack_of("silenced"), (1.0,), control=False),
        Trial(attack_of("extraction"), (1.0,), control=False),
    )
    return replace(base, metrics=metrics, attacks=trials, gates=())
