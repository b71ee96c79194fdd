"""What the demo found out: every pipeline's numbers, its differences to LlamaIndex as it comes, one example."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tamis.eval.stats import Interval

from .measures import MEASURES, Answer, Measure, context_f1, difference, measured

if TYPE_CHECKING:
    from .attacked import Attacks

Pipeline = Literal["stock", "stock_best", "tamis"]
BASELINE: Pipeline = "stock"


@dataclass(frozen=True)
class Example:
    """A question where look-alikes took the place of the answer in the baseline."""

    question: str
    gold: tuple[str, ...]
    stock: tuple[str, ...]
    tamis: tuple[str, ...]


@dataclass(frozen=True)
class DemoResult:
    """The demo's numbers. ``wins`` counts questions where Tamis' context F1 is above, equal to and below stock's.

    ``attacks`` is what the pipelines let through when they were attacked, None where they were not.
    """

    pipelines: Mapping[Pipeline, Mapping[Measure, Interval]]
    differences: Mapping[Pipeline, Mapping[Measure, Interval]]
    wins: tuple[int, int, int]
    example: Example | None
    meta: Mapping[str, Any] = field(default_factory=dict)
    attacks: "Attacks[Pipeline] | None" = None

    def to_dict(self) -> dict[str, Any]:
        """JSON: ``stock``, ``stock_best`` and ``tamis`` with a row a measure; the latter two also with
        ``difference_to_stock``, a row a measure again. A row is ``{"mean", "low", "high", "n"}`` at 95% confidence.
        ``attacks`` is that of ``Attacks.to_dict``, null where there were none.
        """
        document: dict[str, Any] = {}
        for pipeline, rows in self.pipelines.items():
            document[pipeline] = {measure: row._asdict() for measure, row in rows.items()}
            if differences := self.differences.get(pipeline):
                document[pipeline]["difference_to_stock"] = {
                    measure: row._asdict() for measure, row in differences.items()
                }
        document["f1_against_stock"] = dict(zip(("better", "same", "worse"), self.wins, strict=True))
        document["example"] = self.example and {
            "question": self.example.question,
            "gold": list(self.example.gold),
            "stock": list(self.example.stock),
            "tamis": list(self.example.tamis),
        }
        document["attacks"] = self.attacks and self.attacks.to_dict()
        document["meta"] = dict(self.meta)
        return document


def summarise(answers: Mapping[Pipeline, Sequence[Answer]], meta: Mapping[str, Any], *, seed: int) -> DemoResult:
    """All numbers of a run. Every pipeline's answers are to the same questions in the same order."""
    baseline = answers[BASELINE]
    others: list[Pipeline] = [pipeline for pipeline in answers if pipeline != BASELINE]
    pairs = [(context_f1(mine), context_f1(theirs)) for mine, theirs in zip(answers["tamis"], baseline, strict=True)]
    return DemoResult(
        pipelines={
            pipeline: {measure: measured(measure, given, seed=seed) for measure in MEASURES}
            for pipeline, given in answers.items()
        },
        differences={
            pipeline: {measure: difference(measure, answers[pipeline], baseline, seed=seed) for measure in MEASURES}
            for pipeline in others
        },
        wins=(sum(a > b for a, b in pairs), sum(a == b for a, b in pairs), sum(a < b for a, b in pairs)),
        example=fooled(baseline, answers["tamis"]),
        meta=meta,
    )


def fooled(stock: Sequence[Answer], tamis: Sequence[Answer]) -> Example | None:
    """The answerable question on which stock returned no answer at all and Tamis did best; the first of equals.

    None when there is no such question.
    """
    pairs = [
        (context_f1(mine), theirs, mine)
        for theirs, mine in zip(stock, tamis, strict=True)
        if theirs.question.answerable and theirs.found == 0 and mine.found > 0
    ]
    if not pairs:
        return None
    _, theirs, mine = max(pairs, key=lambda pair: pair[0])
    return Example(theirs.question.text, tuple(sorted(theirs.question.gold)), theirs.returned, mine.returned)
