"""Runs the laboratory on pipelines of the demo, clean and under attack, and reads off what each lets through."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Generic, TypeVar

from llama_index.core.base.base_query_engine import BaseQueryEngine

from tamis.eval import Report, Suite, compare, evaluate
from tamis.eval.report import Comparison, Estimate
from tamis.eval.report.comparison import RunDifference
from tamis.eval.run.data import Cases
from tamis.eval.run.runner import Progress as Records
from tamis.eval.targets import LlamaIndexTarget
from tamis.eval.variant import CLEAN, Variant

from .library import Progress

FIGURES: Mapping[str, str] = {
    "planted_recall [context]": "planted passages that reach the LLM",
    "exposure [context]": "attention that planted passages get",
    "gold_recall [context]": "answers found",
    "context_precision [context]": "useful context",
    "context_tokens": "tokens to the LLM",
}
"""What is compared, by the laboratory's name and by the demo's, in order: the first two only of attacked questions."""

PLANTED, GOLD = "planted_recall [context]", "gold_recall [context]"
_WORKERS = 4

Name = TypeVar("Name", bound=str)


@dataclass(frozen=True)
class Attacks(Generic[Name]):
    """What the laboratory found: a report for each pipeline, in order, and ``comparison``: the last minus ``rival``."""

    reports: Mapping[Name, Report]
    comparison: Comparison
    rival: Name

    @property
    def hardened(self) -> Name:
        """The pipeline that is compared with its rival."""
        return list(self.reports)[-1]

    @property
    def variants(self) -> list[Variant]:
        """What was tried, the clean run first, each attack before its control."""
        return [Variant.of(one.key) for one in self.reports[self.hardened].variants]

    @property
    def cases(self) -> int:
        """How many questions were asked of each."""
        return self.reports[self.hardened].counts.cases

    def estimate(self, pipeline: Name, figure: str, variant: Variant = CLEAN) -> Estimate:
        """A figure of one pipeline, with its interval."""
        return self.reports[pipeline].estimate(figure, variant.key)

    def difference(self, figure: str, variant: Variant = CLEAN) -> RunDifference:
        """The hardened pipeline minus its rival, question by question."""
        return next(one for one in self.comparison.differences if (one.figure, one.variant) == (figure, variant.key))

    def to_dict(self) -> dict[str, Any]:
        """JSON: ``questions``, and in ``variants`` for each its pipelines' figures and their difference.

        A figure is ``{"mean", "low", "high", "n"}`` at 95% confidence, null where it has no value; a difference also
        has ``p``, corrected over the variants (Holm), and a ``verdict``.
        """
        return {
            "questions": self.cases,
            "variants": {variant.key: self._variant(variant) for variant in self.variants},
        }

    def _variant(self, variant: Variant) -> dict[str, Any]:
        document: dict[str, Any] = {}
        for pipeline in self.reports:
            found = {figure: self.estimate(pipeline, figure, variant) for figure in FIGURES}
            document[pipeline] = {
                _short(figure): {"mean": one.mean, "low": one.low, "high": one.high, "n": one.scored}
                for figure, one in found.items()
            }
        compared = {figure: self.difference(figure, variant) for figure in FIGURES}
        document[f"{self.hardened}_minus_{self.rival}"] = {
            _short(figure): {
                "mean": one.mean,
                "low": one.low,
                "high": one.high,
                "n": one.n,
                "p": one.p_holm,
                "verdict": one.verdict,
            }
            for figure, one in compared.items()
        }
        return document


def attack(
    engines: Mapping[Name, BaseQueryEngine],
    data: Cases,
    folder: Path,
    *,
    rival: Name,
    seed: int = 0,
    progress: Progress = lambda what, done, of: None,
    suite: Suite | None = None,
) -> Attacks[Name]:
    """Asks every pipeline every question under every variant of the suite; each run stands in a folder of its name.

    ``suite`` is by default the demo's. The last pipeline is compared with ``rival``. The folder has no such run yet.
    """
    chosen = suite or demo_suite()
    total = len(engines) * len(chosen.variants) * len(data.held)
    reports: dict[Name, Report] = {}
    for number, (name, engine) in enumerate(engines.items()):

        def tell(records: Records, before: int = number) -> None:
            progress("attacking", before * records.total + records.done, total)

        run = evaluate(
            LlamaIndexTarget(engine, name=name, ids="node"),
            data,
            chosen,
            out=folder / name,
            workers=_WORKERS,
            seed=seed,
            progress=tell,
            command="tamis demo",
        )
        reports[name] = run.report
    comparison = compare(folder / rival, folder / list(engines)[-1], figures=list(FIGURES))
    return Attacks(reports, comparison, rival)


def demo_suite() -> Suite:
    """What the demo tries (``suites/demo.toml``)."""
    return Suite.of(tomllib.loads((files("tamis.demo") / "suites" / "demo.toml").read_text("utf-8")))


def _short(figure: str) -> str:
    return figure.removesuffix(" [context]")
