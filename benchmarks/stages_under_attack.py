"""Which stage of ``harden()`` helps against which attack, and what it costs: each left out in turn, on the same cases.

    python benchmarks/stages_under_attack.py [--questions 144] [--only NAME ...] [--seed 0] [--store DIR] [--json]

Corpus, questions and attacks are those of ``tamis demo``: the docstrings of the running Python's standard library, and
``plugin/tamis/demo/suites/demo.toml``, here without controls. Every line is ``harden()`` with one thing changed:

    just-retriever    the hybrid retriever's first five, nothing after it
    just-reranker     reranked, the first five; no duplicate filter, no defences, k fixed
    no-defences       without both defences
    no-instructions   without the filter of instructions; the chorus filter stays
    no-chorus         without the chorus filter; the filter of instructions stays
    no-duplicates     without the duplicate filter
    no-policy         the first five instead of as many as the question needs
    no-order          in the order of scores instead of the best at both ends
    chorus-0.5        the chorus filter at half of the words in common, where it stands by itself at seven tenths
    no-aside          passages that repeat the question count when it is decided how many are kept
    with-echo         the filter of echoes as well, which harden() has by choice

``planted`` is the share of the planted passages that reach the language model, with the paired difference that the
stage makes: the whole pipeline minus the one without it. ``found`` is the gold recall in the same way, ``precise`` the
share of the passages that answer. A difference is marked where its interval and its p-value (Holm, over the attacks)
say that it is one: "+" for better with the stage, "-" for worse.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers.no_text import NoText

from tamis.demo.attacked import GOLD, PLANTED, attack, demo_suite
from tamis.demo.cases import cases_of, sample
from tamis.demo.corpus import passages
from tamis.demo.library import default_folder, fill, nodes_of
from tamis.demo.questions import questions
from tamis.demo.remembered import Remembered
from tamis.eval import Report, compare
from tamis.eval.report.comparison import RunDifference
from tamis.pipeline import harden
from tamis.rerankers import FixedK
from tamis.retrievers import HybridRetriever, Store
from tamis.retrievers.store import DEFAULT_EMBEDDER

WHOLE = "whole"
PRECISE = "context_precision [context]"
FIGURES = (PLANTED, GOLD, PRECISE, "context_tokens")
TOP_K = 5
MARKS = {"better": "+", "worse": "-"}


def retriever_alone(store: Store) -> RetrieverQueryEngine:
    """What is found first, with nothing after it."""
    retriever = HybridRetriever.from_store(store, similarity_top_k=TOP_K)
    return RetrieverQueryEngine(retriever=retriever, response_synthesizer=NoText(llm=MockLLM()))


CHANGED: Mapping[str, Callable[[Store], RetrieverQueryEngine]] = {
    "just-retriever": retriever_alone,
    "just-reranker": lambda store: harden(store, defences=None, duplicates=None, policy=FixedK(TOP_K)),
    "no-defences": lambda store: harden(store, defences=None),
    "no-instructions": lambda store: harden(store, defences=["chorus"]),
    "no-chorus": lambda store: harden(store, defences=["instructions"]),
    "no-duplicates": lambda store: harden(store, duplicates=None),
    "no-policy": lambda store: harden(store, policy=FixedK(TOP_K)),
    "no-order": lambda store: harden(store, order="rank"),
    "chorus-0.5": lambda store: harden(store, defences=["instructions", {"name": "chorus", "threshold": 0.5}]),
    "no-aside": lambda store: harden(store, echoes="count"),
    "with-echo": lambda store: harden(store, defences=["instructions", "echo", "chorus"]),
}


@dataclass(frozen=True)
class Ablation:
    """The whole pipeline's report, those of its variants, and what the stage that is left out makes of each figure."""

    reports: Mapping[str, Report]
    differences: Mapping[str, Mapping[tuple[str, str], RunDifference]]

    @property
    def variants(self) -> list[str]:
        """Keys of what was tried, the clean run first."""
        return [one.key for one in self.reports[WHOLE].variants]

    def to_json(self) -> dict[str, Any]:
        """Every figure of every pipeline, and the whole one minus each."""
        return {
            name: {
                variant: {
                    figure: {
                        "mean": (one := report.estimate(figure, variant)).mean,
                        "low": one.low,
                        "high": one.high,
                        "n": one.scored,
                        "whole_minus_this": told(self.differences.get(name, {}).get((figure, variant))),
                    }
                    for figure in FIGURES
                }
                for variant in self.variants
            }
            for name, report in self.reports.items()
        }


def told(one: RunDifference | None) -> dict[str, Any] | None:
    """A difference as JSON."""
    if one is None:
        return None
    return {name: getattr(one, name) for name in ("n", "mean", "low", "high", "p_holm", "verdict")}


def measure(store: Store, names: Iterable[str], limit: int, seed: int) -> Ablation:
    """Runs the laboratory on every pipeline; the store is filled first where it lacks something."""
    corpus = passages()
    fill(store, nodes_of(corpus), progress)
    asked = questions({passage.id for passage in corpus}).asked
    data = cases_of(sample(asked, limit, seed=seed), corpus)
    suite = demo_suite()
    suite = replace(suite, attacks=tuple(replace(trial, control=False) for trial in suite.attacks))
    with (
        tempfile.TemporaryDirectory() as scratch,
        Store.open(store.name, embedder=Remembered(store.embedder)) as again,
    ):
        engines = {name: CHANGED[name](again) for name in names} | {WHOLE: harden(again)}
        folder = Path(scratch)
        found = attack(engines, data, folder, rival=next(iter(engines)), seed=seed, progress=progress, suite=suite)
        differences = {
            name: {
                (one.figure, one.variant): one
                for one in compare(folder / name, folder / WHOLE, figures=FIGURES).differences
            }
            for name in engines
            if name != WHOLE
        }
    return Ablation(found.reports, differences)


def progress(what: str, done: int, of: int) -> None:
    """A line on stderr, now and then."""
    if done % 500 == 0 or done == of:
        print(f"{what}: {done} of {of}", file=sys.stderr)


def show(found: Ablation) -> None:
    """The tables for people: a row a pipeline, a column an attack, the difference below each share."""
    for figure, title in ((PLANTED, "planted"), (GOLD, "found"), (PRECISE, "precise")):
        variants = [one for one in found.variants if found.reports[WHOLE].estimate(figure, one).scored]
        print(
            f"{title:16s}"
            + "".join(f"{one.partition('@1')[0] if one.endswith('@1') else one:>17s}" for one in variants)
        )
        for name in (WHOLE, *found.differences):
            report = found.reports[name]
            print(f"{name:16s}" + "".join(f"{share(report, figure, one):>17s}" for one in variants))
            if name != WHOLE:
                cells = (between(found.differences[name][figure, one]) for one in variants)
                print(f"{'':16s}" + "".join(f"{cell:>17s}" for cell in cells))
        print()


def share(report: Report, figure: str, variant: str) -> str:
    """A mean."""
    mean = report.estimate(figure, variant).mean
    return "" if mean is None else f"{mean:.2f}"


def between(one: RunDifference) -> str:
    """What the stage changes, with the ends of the interval, and a mark where it surely does."""
    if one.mean is None or one.low is None or one.high is None:
        return ""
    return f"{MARKS.get(one.verdict, '')} {one.low:+.2f}..{one.high:+.2f}"


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=144, help="how many of the demo's questions, drawn at random")
    parser.add_argument("--only", nargs="+", choices=CHANGED, default=list(CHANGED), help="these changes alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--store", type=Path, help="the demo's store, by default in its cache folder")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    options = parser.parse_args()
    folder = options.store or default_folder(passages(), DEFAULT_EMBEDDER)
    with Store.open(str(folder), create=True) as store:
        found = measure(store, options.only, options.questions, options.seed)
    if options.json:
        command = " ".join(["python", "benchmarks/stages_under_attack.py", *sys.argv[1:]])
        print(json.dumps({"command": command, "questions": options.questions, "pipelines": found.to_json()}, indent=2))
    else:
        show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
