"""How evenly a step of retrieval exposes groups of documents."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..outcome import Outcome, Scored, Unscored
from ..trace import Passage
from .metric import About, Observed
from .steps import at_each_step

NO_GROUPS = Unscored("fewer than two groups of the case's documents are known")


@dataclass(frozen=True)
class GroupExposureGap:
    """The most exposed group's share of exposure less the least exposed one's, after a step; in [0, 1].

    A document's exposure is 1 / log2(1 + rank); a group's that of its documents, and its share is among documents of
    any group. Groups are ``extra["document_groups"]``, by document id. 0 is parity, lower is more even (Singh and
    Joachims 2018, demographic parity of exposure; ours in form). Unscored without two groups, and for a step that gives
    no document of any.
    """

    name: ClassVar[str] = "group_exposure_gap"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=False)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        groups = seen.case.extra.get("document_groups")
        known = dict(groups) if isinstance(groups, Mapping) else {}

        def gap(passages: tuple[Passage, ...]) -> Outcome:
            if len(set(known.values())) < 2:
                return NO_GROUPS
            exposure = dict.fromkeys(known.values(), 0.0)
            for rank, passage in enumerate(passages, start=1):
                if passage.id in known:
                    exposure[known[passage.id]] += 1 / math.log2(1 + rank)
            total = math.fsum(exposure.values())
            if total == 0:
                return Unscored("the step gave no document of any group")
            return Scored((max(exposure.values()) - min(exposure.values())) / total)

        return at_each_step(self.name, seen.trace, gap)
