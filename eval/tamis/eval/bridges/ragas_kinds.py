"""The kinds of metrics that ragas has, and how each is asked: what it needs, whether it sees images, what it gives."""

import inspect
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from tamis.core.errors import BadSetting

from .ragas_door import from_ragas


class Asked(NamedTuple):
    """A metric of ragas as it is asked: the columns it needs, those it takes besides, and the call that scores."""

    required: frozenset[str]
    optional: frozenset[str]
    reads_images: bool
    is_binary: bool
    score: Callable[[dict[str, Any], float], Coroutine[Any, Any, Any]]


def asked(metric: Any, llm: Any) -> Asked:
    """How this metric is asked. Raises BadSetting for what is no ragas metric of single turns, or lacks its model."""
    base = from_ragas("ragas.metrics.base")
    if isinstance(metric, base.SingleTurnMetric):
        return _single_turn(metric, llm)
    if isinstance(metric, base.SimpleLLMMetric):
        if llm is None:
            raise BadSetting(f"{_said(metric)} needs a model: RagasMetric(..., llm=...)")
        return _called(metric, frozenset(metric.get_variables()), frozenset(), {"llm": llm})
    if isinstance(metric, base.SimpleBaseMetric):
        # One that a decorator made takes what the function below it takes.
        function = getattr(metric, "_func", None) or metric.ascore
        required, optional = _parameters(function)
        return _called(metric, required, optional, {})
    raise BadSetting(f"{_said(metric)} is no ragas metric of single turns")


def _single_turn(metric: Any, llm: Any) -> Asked:
    """A metric that takes samples (``ragas.metrics.base``)."""
    prompts = from_ragas("ragas.prompt")
    if llm is not None and getattr(metric, "llm", metric) is None:
        metric.llm = llm
    try:
        metric.init(from_ragas("ragas.run_config").RunConfig())
    except ValueError as error:
        raise BadSetting(f"{_said(metric)} cannot be used: {error}") from error
    sample = from_ragas("ragas.dataset_schema").SingleTurnSample
    required = frozenset(metric.get_required_columns().get("SINGLE_TURN", ()))
    every = frozenset(metric.get_required_columns(with_optional=True).get("SINGLE_TURN", ()))

    async def score(columns: dict[str, Any], seconds: float) -> Any:
        return await metric.single_turn_ascore(sample(**columns), timeout=seconds)

    shown = metric.get_prompts().values() if hasattr(metric, "get_prompts") else ()
    return Asked(
        required,
        every - required,
        any(isinstance(prompt, prompts.ImageTextPrompt) for prompt in shown),
        getattr(getattr(metric, "output_type", None), "name", None) == "BINARY",
        score,
    )


def _called(metric: Any, required: frozenset[str], optional: frozenset[str], more: dict[str, Any]) -> Asked:
    """A metric that takes its columns by name (``ragas.metrics.collections``, and those that users write)."""
    collections = from_ragas("ragas.metrics.collections")

    async def score(columns: dict[str, Any], seconds: float) -> Any:
        import asyncio

        return await asyncio.wait_for(metric.ascore(**columns, **more), seconds)

    reads_images = isinstance(metric, collections.MultiModalFaithfulness | collections.MultiModalRelevance)
    return Asked(required, optional, reads_images, False, score)


def _parameters(function: Callable[..., Any]) -> tuple[frozenset[str], frozenset[str]]:
    """Names that must be given, and names that may be."""
    named = {
        name: one
        for name, one in inspect.signature(function).parameters.items()
        if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    }
    required = frozenset(name for name, one in named.items() if one.default is one.empty)
    return required, frozenset(named) - required


def _said(metric: Any) -> str:
    return f'{type(metric).__name__} "{getattr(metric, "name", "")}"'
