"""Any relevance scorer as a screen: how far a content is what a description of harm asks for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.models.screen import Screened

DESCRIPTION = "Does this content ask for, give help with or incite violence, crime, self-harm, harassment or hatred?"


@dataclass(frozen=True)
class ScorerScreen:
    """P(harmful) from a scorer's log-odds for a description of harm as the query and the content as the passage.

    With a multimodal LLM as the scorer that is its yes/no log-odds, images seen; its template should ask for what the
    description says, not for relevance to a search. Not calibrated: choose ``threshold`` on labelled examples. A
    content that the scorer cannot score gets None. Raises BadSetting.
    """

    scorer: Any
    description: str = DESCRIPTION
    threshold: float = 0.5
    name: str = "scorer"

    def __post_init__(self) -> None:
        from tamis.models import SCORERS

        object.__setattr__(self, "scorer", SCORERS.build(self.scorer))
        if not self.description.strip():
            raise BadSetting("a description of what is harmful is needed")
        if not (math.isfinite(self.threshold) and 0 <= self.threshold <= 1):
            raise BadSetting(f"threshold must lie in [0, 1], not {self.threshold!r}")

    def screen(self, contents: Sequence[Content]) -> list[Screened]:
        """One result for each content, in order."""
        from tamis.models.scorer import checked_scores

        scores = checked_scores(self.scorer.score(Content(self.description), list(contents)), len(contents))
        return [
            Screened(None, "the scorer could not score it")
            if score is None
            else Screened(1 / (1 + math.exp(-max(-700.0, min(700.0, score)))), "the scorer's log-odds")
            for score in scores
        ]
