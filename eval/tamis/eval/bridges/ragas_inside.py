"""One of our metrics as a metric of ragas, for ``ragas.evaluate`` and whatever else takes samples."""

import logging
import math
from collections.abc import Sequence
from functools import cache
from typing import Any

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting, TamisError

from ..attacks.attack import Attacked
from ..case import Case, Document
from ..datasets.dataset import passage
from ..metrics.metric import Metric, Observed, at_step
from ..metrics.steps import CONTEXT
from ..outcome import Failed, Outcome, Scored, Unscored
from ..trace import Passage, Step, Trace
from ..variant import CLEAN
from .ragas_door import from_ragas

logger = logging.getLogger(__name__)

_COLUMNS = (
    *("user_input", "response", "reference", "retrieved_contexts"),
    *("retrieved_context_ids", "reference_contexts", "reference_context_ids"),
)


class MetricFailed(TamisError):
    """One of our metrics could not judge a sample. ragas turns it into NaN unless it is told to raise."""


def in_ragas(metric: Metric, *, needs: Sequence[str] = ()) -> Any:
    """A ragas ``SingleTurnMetric`` that scores a sample by ``metric`` and bears its name.

    The sample's contexts are the one step of a trace, called "context"; without ids, equal texts have equal ids. The
    reference is the accepted answer. ``needs`` names the columns that ragas shall insist on; the others are used where
    a sample has them. Unscored is ragas' NaN, and the reason is logged; Failed raises MetricFailed. Contexts that are
    data URIs of images stay texts. Raises BadSetting for a column that ragas has not, MissingExtra without ragas.
    """
    if unknown := sorted(set(needs) - set(_COLUMNS)):
        raise BadSetting(f'a sample has no column "{unknown[0]}"; known: {", ".join(_COLUMNS)}')
    return _kind()(metric, frozenset(needs))


@cache
def _kind() -> Any:
    # ragas is loaded by whoever wants it, so the class that derives from its own is made then.
    base = from_ragas("ragas.metrics.base")
    single_turn: Any = base.SingleTurnMetric

    class InRagas(single_turn):  # type: ignore[misc]
        """One of Tamis' metrics."""

        def __init__(self, metric: Metric, needs: frozenset[str]) -> None:
            self.metric = metric
            self.name = metric.name
            columns = {name if name in needs else f"{name}:optional" for name in _COLUMNS}
            self._required_columns = {base.MetricType.SINGLE_TURN: columns}

        def init(self, run_config: Any) -> None:
            """Nothing to prepare."""

        async def _single_turn_ascore(self, sample: Any, callbacks: Any) -> float:
            return score_of(self.metric, sample)

        async def _ascore(self, row: dict[str, Any], callbacks: Any) -> float:
            return score_of(self.metric, from_ragas("ragas.dataset_schema").SingleTurnSample(**row))

    return InRagas


def score_of(metric: Metric, sample: Any) -> float:
    """What the metric says of a ``SingleTurnSample``: a finite number, or NaN where it has no value.

    Raises MetricFailed, and BadInput for as many contexts as there are not ids.
    """
    outcome = outcome_of_sample(metric, sample)
    match outcome:
        case Scored(value):
            return value
        case Unscored(reason):
            logger.info("%s has no value for a sample: %s", metric.name, reason)
            return math.nan
        case Failed(error):
            raise MetricFailed(f"{metric.name}: {error}")


def outcome_of_sample(metric: Metric, sample: Any) -> Outcome:
    """What the metric says of the sample: its figure, or that of the context where it has one for each step."""
    figures = metric.score(observed(sample))
    for name in (metric.name, at_step(metric.name, CONTEXT)):
        if name in figures:
            return figures[name]
    return Failed(f"no figure of the context; there are {', '.join(figures)}")


def observed(sample: Any) -> Observed:
    """The sample as a case that was run clean. Raises BadInput where texts and ids are not as many."""
    retrieved = _passages("retrieved", sample.retrieved_contexts, sample.retrieved_context_ids)
    relevant = _passages("reference", sample.reference_contexts, sample.reference_context_ids)
    query = Content(sample.user_input or "")
    reference = sample.reference or ""
    case = Case(
        id="sample",
        query=query,
        documents=tuple({one.id: one for one in relevant or ()}.values()),
        relevance={one.id: 1 for one in relevant or ()},
        answers=(reference,) if reference.strip() else (),
        extra={"rubrics": sample.rubrics} if sample.rubrics else {},
    )
    passages = tuple(Passage(one.id, one.content) for one in retrieved or ())
    trace = Trace(
        steps=() if retrieved is None else (Step(CONTEXT, passages),),
        answer=None if sample.response is None else Content(sample.response),
    )
    return Observed(case, CLEAN, Attacked(query), trace)


def _passages(kind: str, texts: Sequence[str] | None, ids: Sequence[str | int] | None) -> list[Document] | None:
    """Passages from texts, ids, or both; None where there is neither."""
    if texts is None:
        return None if ids is None else [Document(str(name), Content()) for name in ids]
    if ids is None:
        return [passage(text) for text in texts]
    if len(texts) != len(ids):
        raise BadInput(f"a sample has {len(texts)} {kind} contexts and {len(ids)} ids of them")
    return [Document(str(name), Content(text)) for text, name in zip(texts, ids, strict=True)]
