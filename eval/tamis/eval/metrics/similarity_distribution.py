"""mSD: a ranking metric that rewards relevant passages for being clearly more similar, not only for being first."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from tamis.core.errors import BadSetting

from ..outcome import Outcome, Scored, Unscored
from ..trace import Passage
from .gold import NO_GOLD
from .metric import About, Observed
from .steps import at_each_step

Scale = Literal["cosine", "unit"]


@dataclass(frozen=True)
class MeanSimilarityDistribution:
    """mSD of the scores after each step (UFineBench, Zuo et al. 2024); in [0, 1), higher is better.

    ``scale`` says what the scores are: "cosine" for [-1, 1], mapped to ``cos / 2 + 0.5``; "unit" for [0, 1], taken as
    they are. Only what the step gave is looked at. Unscored without gold, where a passage has no score or one outside
    the scale (log-odds are no similarities), and where there are no relevant or no other passages.
    """

    scale: Scale = "cosine"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=True)

    def __post_init__(self) -> None:
        if self.scale not in get_args(Scale):
            raise BadSetting(f'mSD takes scores on the scale {" or ".join(get_args(Scale))}, not "{self.scale}"')

    @property
    def name(self) -> str:
        return "mSD" if self.scale == "cosine" else f"mSD({self.scale})"

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        gold = seen.case.gold

        def judge(passages: tuple[Passage, ...]) -> Outcome:
            if not gold:
                return NO_GOLD
            least = -1.0 if self.scale == "cosine" else 0.0
            scores = [passage.score for passage in passages if passage.score is not None]
            # A hair of room: a cosine of float32 vectors may be 1.0000001.
            if len(scores) < len(passages) or not all(least - 1e-5 <= one <= 1 + 1e-5 for one in scores):
                return Unscored("not every passage has a similarity for its score")
            clipped = [min(1.0, max(least, one)) for one in scores]
            similarities = [one / 2 + 0.5 for one in clipped] if self.scale == "cosine" else clipped
            found = similarity_distribution(similarities, [passage.id in gold for passage in passages])
            return Unscored("it takes relevant and other passages") if found is None else Scored(found)

        return at_each_step(self.name, seen.trace, judge)


def similarity_distribution(similarities: Sequence[float], relevant: Sequence[bool]) -> float | None:
    """SD of one query, from similarities in [0, 1] in any order.

    By falling similarity: the mean, over relevant passages, of the relevant ones' sum of similarities up to there over
    that of all up to there; times ``1 - exp(-mean relevant / mean other)``. None without relevant or without others,
    and where all similarities are 0.

    >>> round(similarity_distribution([0.95, 0.55, 0.9], [True, False, False]), 4)
    0.7303
    """
    ranked = sorted(zip(similarities, relevant, strict=True), key=lambda one: -one[0])
    own = [similarity for similarity, is_relevant in ranked if is_relevant]
    others = [similarity for similarity, is_relevant in ranked if not is_relevant]
    if not own or not others or ranked[0][0] <= 0:
        return None
    shares, of_relevant, of_all = [], 0.0, 0.0
    for similarity, is_relevant in ranked:
        of_all += similarity
        if is_relevant:
            of_relevant += similarity
            shares.append(of_relevant / of_all)
    mean_own, mean_other = math.fsum(own) / len(own), math.fsum(others) / len(others)
    margin = 1.0 if mean_other == 0 else 1 - math.exp(-mean_own / mean_other)
    return math.fsum(shares) / len(shares) * margin
