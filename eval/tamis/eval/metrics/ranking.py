"""Ranking metrics by their usual names ("nDCG@10", "AP", "P(rel=2)@5"), computed by ir-measures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tamis.core.errors import BadSetting, MissingExtra

from ..outcome import Outcome, Scored, Unscored
from ..trace import Passage
from .metric import About, Observed, at_step
from .steps import CONTEXT, NO_STEPS, steps_of

# Those that compute in this process: no other program is started for a metric.
_PROVIDERS = ("pytrec_eval", "judged", "msmarco", "compat", "accuracy")
_NEITHER_IS_BETTER = frozenset({"Judged", "NumRet", "NumRel", "NumQ"})


@dataclass(frozen=True)
class Ranking:
    """Judges the order of passages after each step against the case's graded relevance.

    ``measure`` is in ir-measures' grammar, and its printed form is the metric's name. The rank is the place in the
    list, whatever the scores: ties keep their order. A passage that comes twice counts at its first place. nDCG has
    linear gains (nDCG(gains={1:1,2:3,3:7}) for exponential ones). A step that gave nothing has found nothing: 0.
    Unscored where no document of the grade that the measure counts is known (for Judged: none is judged).
    Raises BadSetting for a measure that ir-measures does not know or that nothing installed computes.

    >>> Ranking("NDCG@10").name
    'nDCG@10'
    """

    measure: str = "nDCG@10"

    def __post_init__(self) -> None:
        _parsed(self.measure)

    @property
    def name(self) -> str:
        return str(_parsed(self.measure)[0])

    @property
    def about(self) -> About:
        kind = _parsed(self.measure)[0].NAME
        return About(is_rate=kind == "Success", higher_is_better=None if kind in _NEITHER_IS_BETTER else True)

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        steps = steps_of(seen.trace)
        if not steps:
            return {at_step(self.name, CONTEXT): NO_STEPS}
        relevance = seen.case.relevance
        if (reason := self._lacks(relevance)) is not None:
            return {at_step(self.name, step): Unscored(reason) for step in steps}
        values = self._values(relevance, list(steps.values()))
        return {at_step(self.name, step): value for step, value in zip(steps, values, strict=True)}

    def _lacks(self, relevance: Mapping[str, int]) -> str | None:
        """What would have to be known of the case, and is not."""
        measure = _parsed(self.measure)[0]
        if measure.NAME == "Judged":
            return None if relevance else "no document of the case is judged"
        least = measure["rel"] if "rel" in measure.SUPPORTED_PARAMS else 1
        least = least if isinstance(least, int) else 1
        if any(grade >= least for grade in relevance.values()):
            return None
        return "no relevant document of the case is known" + (f" of grade {least} or above" if least > 1 else "")

    def _values(self, relevance: Mapping[str, int], rankings: Sequence[tuple[Passage, ...]]) -> list[Outcome]:
        """One outcome for each ranking. All are put to ir-measures at once, each as a query of its own."""
        measure, provider = _parsed(self.measure)
        distinct = {id(ranking): ranking for ranking in rankings}
        grades = {name: max(0, grade) for name, grade in relevance.items()}
        runs: dict[str, dict[str, float]] = {}
        for key, ranking in distinct.items():
            # Ids in the order of their first places, scored by rank so that there are no ties to break.
            ids = dict.fromkeys(passage.id for passage in ranking)
            runs[str(key)] = {name: float(len(ids) - place) for place, name in enumerate(ids)}
        found: dict[str, Outcome] = {}
        if measure.NAME == "Judged":
            found = {key: Unscored("the step gave no passage") for key, run in runs.items() if not run}
        asked = {key: run for key, run in runs.items() if key not in found}
        if asked:
            for metric in provider.evaluator([measure], dict.fromkeys(asked, grades)).iter_calc(asked):
                found[metric.query_id] = Scored(float(metric.value))
        nothing = Unscored("ir-measures gives no value here")
        return [found.get(str(id(ranking)), nothing) for ranking in rankings]


@lru_cache(maxsize=256)
def _parsed(text: str) -> tuple[Any, Any]:
    """The measure, and what computes it."""
    try:
        import ir_measures
    except ImportError as error:
        raise MissingExtra("ranking metrics", extra="eval") from error
    try:
        measure = ir_measures.parse_measure(text)
        measure.validate_params()  # type: ignore[no-untyped-call]
        candidates = [ir_measures.providers.registry[name] for name in _PROVIDERS]
        provider = next((one for one in candidates if one.is_available() and one.supports(measure)), None)
    except (ValueError, NameError, TypeError, KeyError, AssertionError) as error:
        raise BadSetting(f'"{text}" is no measure of ir-measures ({error}); known are nDCG@10, AP, R@5, ...') from error
    if provider is None:
        raise BadSetting(f"nothing installed computes {measure}: pip install 'tamis[eval]' brings nDCG, AP, RR, P, R")
    return measure, provider
