"""How many of the relevant documents a step gave on, by their texts and not by ids."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..outcome import Outcome, Scored, Unscored
from ..trace import Passage
from .context_similarity_likeness import check_threshold, likeness
from .metric import About, Observed
from .reference_contexts import reference_contexts
from .steps import at_each_step


@dataclass(frozen=True)
class ContextSimilarityRecall:
    """The share of relevant documents to whose text a passage after a step is like; in [0, 1], higher is better.

    Like: 1 - Levenshtein distance / length of the longer is above ``threshold`` (above, where the precision takes what
    is at it, as in ragas' non-LLM context recall). Unscored where the relevant documents' texts are not known, and for
    a step that gave nothing. Raises BadSetting for a threshold outside [0, 1], MissingExtra without rapidfuzz.
    """

    threshold: float = 0.5
    name: ClassVar[str] = "context_similarity_recall"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=True)

    def __post_init__(self) -> None:
        check_threshold(self.threshold)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        wanted = reference_contexts(seen.case)
        if isinstance(wanted, Unscored):
            return at_each_step(self.name, seen.trace, lambda _: wanted)

        def is_like(text: str, other: str) -> bool:
            return likeness(text, other, self.threshold) > self.threshold

        def recall(passages: tuple[Passage, ...]) -> Outcome:
            if not passages:
                return Unscored("the step gave no passage")
            found = [any(is_like(one.content.text, text) for one in passages) for text in wanted]
            return Scored(sum(found) / len(found))

        return at_each_step(self.name, seen.trace, recall)
