"""The same rows through ragas and through Tamis: context precision and recall by ids and by texts, without a model.

    python benchmarks/ragas_speed.py [--rows 1000] [--json] [--quick]

A row is a question of lost-in-the-middle with ten retrieved passages (its gold passage among them nine times out of
ten, whole or cut, at a random rank; the others are random passages of the pool) and two relevant ones. Both sides
score the rows by context precision and recall, by texts (ragas' non-LLM ones) and by ids; every value of every row
must be the same. Two comparisons: the metrics alone (ragas' ``single_turn_ascore`` in one event loop, its fastest way,
and our ``score``), and each side's own runner (ragas' ``evaluate``, which gives scores in memory; our run, which asks
a stub, has each record checksummed and on the disk, and writes the report with intervals). Both were warmed up. Each
time is the best of three, on the clock and of the processor (all threads).

Needs ragas: pip install 'tamis[eval,ragas]'
"""

import argparse
import asyncio
import itertools
import json
import math
import os
import platform
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from corpora import Corpus, litm

from tamis.core.content import Content
from tamis.core.errors import MissingExtra
from tamis.eval.attacks.attack import Attacked
from tamis.eval.bridges.ragas_door import from_ragas
from tamis.eval.case import Case, Document
from tamis.eval.evaluation import evaluate
from tamis.eval.metrics import Observed, metric_of
from tamis.eval.outcome import Scored
from tamis.eval.suite import Suite
from tamis.eval.target import Request, Takes
from tamis.eval.trace import Passage, Step, Trace
from tamis.eval.variant import CLEAN

METRICS = {
    "non_llm_context_precision_with_reference": "context_similarity_precision",
    "non_llm_context_recall": "context_similarity_recall",
    "id_based_context_precision": "context_precision",
    "id_based_context_recall": "gold_recall",
}
"""ragas' names of the four, and ours."""
RETRIEVED = 10
WORKERS = 8


class Row(NamedTuple):
    """A question, what was retrieved for it, and what is relevant: (id, text) pairs."""

    id: str
    question: str
    retrieved: tuple[tuple[str, str], ...]
    relevant: tuple[tuple[str, str], ...]


def rows_of(corpus: Corpus, count: int) -> list[Row]:
    """``count`` rows of the corpus; the questions come again where there are fewer."""
    pool = sorted(corpus.passages.items())
    made = []
    for number, question in zip(range(count), itertools.cycle(corpus.questions), strict=False):
        draw = Random(number)
        relevant = [(question.gold[0], corpus.passages[question.gold[0]]), draw.choice(pool)]
        retrieved = draw.sample(pool, RETRIEVED)
        if draw.random() < 0.9:
            name, text = relevant[0]
            # Around the half of its length, the text is at the threshold.
            retrieved[draw.randrange(RETRIEVED)] = (name, text[: round(len(text) * draw.choice((1, 0.8, 0.55, 0.45)))])
        made.append(Row(f"{question.id}-{number}", question.text, tuple(retrieved), tuple(relevant)))
    return made


@dataclass(frozen=True)
class Retriever:
    """Gives what the row says that it retrieved."""

    rows: dict[str, Row]
    name: str = "stub"
    takes: frozenset[Takes] = frozenset()

    async def run(self, request: Request) -> Trace:
        return _trace(self.rows[request.case])

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Rows:
    """The rows as a data set."""

    rows: Sequence[Row]
    name: str = "rows"
    format: str = "made"

    def cases(self) -> Iterator[Case]:
        return map(_case, self.rows)

    def documents(self) -> Iterator[Document]:
        return iter(())

    def digest(self) -> str:
        return sha256(repr(self.rows).encode()).hexdigest()


def _case(row: Row) -> Case:
    documents = tuple(Document(name, Content(text)) for name, text in dict(row.relevant).items())
    return Case(row.id, Content(row.question), documents, {one.id: 1 for one in documents})


def _trace(row: Row) -> Trace:
    return Trace((Step("context", tuple(Passage(name, Content(text)) for name, text in row.retrieved)),))


Scores = list[dict[str, float]]


def by_ragas_ascore(rows: Sequence[Row]) -> Scores:
    """ragas' metrics, awaited one after the other."""
    samples, metrics = _samples(rows), _ragas_metrics()

    async def every() -> Scores:
        return [{one.name: await one.single_turn_ascore(sample) for one in metrics} for sample in samples]

    return asyncio.run(every())


def by_ragas_evaluate(rows: Sequence[Row]) -> Scores:
    """ragas' own runner."""
    dataset = from_ragas("ragas.dataset_schema").EvaluationDataset(samples=_samples(rows))
    found = from_ragas("ragas").evaluate(dataset, _ragas_metrics(), show_progress=False, raise_exceptions=True)
    scores: Scores = found.scores
    return scores


def _samples(rows: Sequence[Row]) -> list[Any]:
    sample = from_ragas("ragas.dataset_schema").SingleTurnSample
    return [
        sample(
            user_input=row.question,
            retrieved_contexts=[text for _, text in row.retrieved],
            retrieved_context_ids=[name for name, _ in row.retrieved],
            reference_contexts=[text for _, text in row.relevant],
            reference_context_ids=[name for name, _ in row.relevant],
        )
        for row in rows
    ]


def _ragas_metrics() -> list[Any]:
    precision, recall = from_ragas("ragas.metrics._context_precision"), from_ragas("ragas.metrics._context_recall")
    return [
        precision.NonLLMContextPrecisionWithReference(),
        recall.NonLLMContextRecall(),
        precision.IDBasedContextPrecision(),
        recall.IDBasedContextRecall(),
    ]


def by_our_metrics(rows: Sequence[Row]) -> Scores:
    """Our metrics on cases and traces, which are made here as ragas' samples are there."""
    metrics = {theirs: metric_of(ours) for theirs, ours in METRICS.items()}
    found = []
    for row in rows:
        case = _case(row)
        seen = Observed(case, CLEAN, Attacked(case.query), _trace(row))
        values = {}
        for theirs, metric in metrics.items():
            outcome = metric.score(seen)[f"{metric.name} [context]"]
            if not isinstance(outcome, Scored):
                raise SystemExit(f"{metric.name} on {row.id}: {outcome}")
            values[theirs] = outcome.value
        found.append(values)
    return found


def by_our_laboratory(rows: Sequence[Row]) -> None:
    """A whole run, from the first case to the report."""
    suite = Suite.of({"name": "ragas", "metrics": list(METRICS.values())})
    with tempfile.TemporaryDirectory() as folder:
        target = Retriever({row.id: row for row in rows})
        run = evaluate(target, Rows(rows), suite, out=Path(folder) / "run", workers=WORKERS)
        scored = {one.scored for one in run.report.estimates if one.figure.endswith("[context]")}
        if scored != {len(rows)}:
            raise SystemExit(f"scored {scored} of {len(rows)} rows")


class Took(NamedTuple):
    """Seconds on the clock and of the processor."""

    clock: float
    processor: float


def timed(work: Callable[[Sequence[Row]], Any], rows: Sequence[Row], times: int) -> Took:
    """The best of so many, after a warm-up on some rows."""
    work(rows[:20])
    took = []
    for _ in range(times):
        clock, processor = time.perf_counter(), time.process_time()
        work(rows)
        took.append((time.perf_counter() - clock, time.process_time() - processor))
    return Took(min(one for one, _ in took), min(one for _, one in took))


def differences(ours: Scores, theirs: Scores) -> dict[str, float]:
    """The greatest difference of a value, by metric. ragas adds 1e-10 to a denominator."""
    return {name: max(abs(a[name] - b[name]) for a, b in zip(ours, theirs, strict=True)) for name in METRICS}


def measured(arguments: argparse.Namespace) -> dict[str, Any]:
    rows = rows_of(litm(), arguments.rows)
    ours, theirs = by_our_metrics(rows), by_ragas_ascore(rows)
    apart = differences(ours, theirs)
    if not all(one <= 1e-9 for one in apart.values()):
        raise SystemExit(f"the values are not the same: {apart}")
    times = 1 if arguments.quick else 3
    took = {
        "ragas evaluate": timed(by_ragas_evaluate, rows, times),
        "ragas single_turn_ascore": timed(by_ragas_ascore, rows, times),
        "Tamis metrics": timed(by_our_metrics, rows, times),
        "Tamis whole run": timed(by_our_laboratory, rows, times),
    }
    compared = {
        "Tamis metrics / ragas single_turn_ascore": ("Tamis metrics", "ragas single_turn_ascore"),
        "Tamis whole run / ragas evaluate": ("Tamis whole run", "ragas evaluate"),
    }
    return {
        "rows": len(rows),
        "means": {name: math.fsum(one[name] for one in ours) / len(ours) for name in METRICS},
        "greatest_difference": apart,
        "seconds": {name: one._asdict() for name, one in took.items()},
        "rows_a_second": {
            name: {kind: len(rows) / value for kind, value in one._asdict().items()} for name, one in took.items()
        },
        "ratio": {
            name: {kind: getattr(took[theirs], kind) / getattr(took[ours], kind) for kind in Took._fields}
            for name, (ours, theirs) in compared.items()
        },
        "ragas": version("ragas"),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
    }


def shown(result: dict[str, Any]) -> Iterator[str]:
    apart = max(result["greatest_difference"].values())
    yield f"{result['rows']} rows, {len(METRICS)} metrics, no value differs by more than {apart:.0e}"
    yield f"{'':26}{'rows a second':>16}{'of processor':>16}"
    for name, one in result["rows_a_second"].items():
        yield f"{name:26}{one['clock']:16.0f}{one['processor']:16.0f}"
    for name, one in result["ratio"].items():
        yield f"{name}: {one['clock']:.1f} on the clock, {one['processor']:.1f} of the processor"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="fewer rows: does it work, not how fast is it")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rows = min(arguments.rows, 100)
    try:
        from_ragas("ragas")
        metric_of("context_similarity_recall")
    except MissingExtra as error:
        print(f"skipped: {error}")
        return
    with warnings.catch_warnings():
        # evaluate() warns of its successor, and others of what they load.
        warnings.simplefilter("ignore")
        result = measured(arguments)
    print(json.dumps(result, indent=1) if arguments.json else "\n".join(shown(result)))


if __name__ == "__main__":
    main()
