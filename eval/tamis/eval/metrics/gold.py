"""How much of the gold a step gives on, and how much of what it gives on is gold; by ids."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..outcome import Outcome, Scored, Unscored
from ..trace import Passage
from .metric import About, Observed
from .steps import at_each_step

NO_GOLD = Unscored("no relevant document of the case is known")


@dataclass(frozen=True)
class GoldRecall:
    """The share of relevant documents among all passages after a step, at whatever rank; in [0, 1], higher is better.

    By ids: |R ∩ G| / |G|. Unscored without gold.
    """

    name: ClassVar[str] = "gold_recall"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=True)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        gold = seen.case.gold
        if not gold:
            return at_each_step(self.name, seen.trace, lambda _: NO_GOLD)
        return at_each_step(self.name, seen.trace, lambda passages: Scored(recall(passages, gold)))


@dataclass(frozen=True)
class ContextPrecision:
    """The share of passages after a step that are relevant; in [0, 1], higher is better.

    By ids, without rank: |R ∩ G| / |R| (ragas calls it ID-based context precision). Unscored without gold, and for a
    step that gave nothing.
    """

    name: ClassVar[str] = "context_precision"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=True)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        gold = seen.case.gold

        def precision(passages: tuple[Passage, ...]) -> Outcome:
            found = {passage.id for passage in passages}
            if not gold:
                return NO_GOLD
            return Scored(len(found & gold) / len(found)) if found else Unscored("the step gave no passage")

        return at_each_step(self.name, seen.trace, precision)


def recall(passages: tuple[Passage, ...], gold: frozenset[str]) -> float:
    """|R ∩ G| / |G| for a set of ids that is not empty."""
    return len({passage.id for passage in passages} & gold) / len(gold)
