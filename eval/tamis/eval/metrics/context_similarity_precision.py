"""How early the passages stand that are much the same as a relevant document, by their texts and not by ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..outcome import Outcome, Scored, Unscored
from ..trace import Passage
from .context_similarity_likeness import check_threshold, likeness
from .metric import About, Observed
from .reference_contexts import reference_contexts
from .steps import at_each_step


@dataclass(frozen=True)
class ContextSimilarityPrecision:
    """Average precision of the passages after a step, each relevant if its text is like a relevant document's.

    Like: 1 - Levenshtein distance / length of the longer is at least ``threshold``. In [0, 1], higher is better; 0
    where none is. It is ragas' non-LLM context precision: over what was retrieved, not over all that is relevant, and
    a passage that comes twice counts twice. Unscored where the relevant documents' texts are not known, and for a step
    that gave nothing. Raises BadSetting for a threshold outside [0, 1], MissingExtra without rapidfuzz.
    """

    threshold: float = 0.5
    name: ClassVar[str] = "context_similarity_precision"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=True)

    def __post_init__(self) -> None:
        check_threshold(self.threshold)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        wanted = reference_contexts(seen.case)
        if isinstance(wanted, Unscored):
            return at_each_step(self.name, seen.trace, lambda _: wanted)

        def is_relevant(text: str) -> bool:
            return any(likeness(text, one, self.threshold) >= self.threshold for one in wanted)

        def precision(passages: tuple[Passage, ...]) -> Outcome:
            if not passages:
                return Unscored("the step gave no passage")
            return Scored(average_precision([is_relevant(one.content.text) for one in passages]))

        return at_each_step(self.name, seen.trace, precision)


def average_precision(relevant: Sequence[bool]) -> float:
    """The mean of precision@k over the places k of what is relevant; 0 where nothing is.

    >>> average_precision([True, False, True])
    0.8333333333333333
    """
    found, total = 0, 0.0
    for place, is_relevant in enumerate(relevant, start=1):
        if is_relevant:
            found += 1
            total += found / place
    return total / found if found else 0.0
