"""Asking a model about several prompts at once, and what it replied to each: checked, never mixed up."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from tamis.core.errors import BROKEN_SETUP, ScorerError, UnknownComponent
from tamis.core.registry import Registry
from tamis.models import SCORERS
from tamis.models.chooser import Chooser, Writer
from tamis.models.counting import count
from tamis.models.scorer import checked_scores
from tamis.models.template import Prompt

from ..scoring import one_line

_MODELS = ("mllm", "http", "vllm")
CHOOSERS: Registry[Any] = Registry(
    "chooser",
    "tamis.choosers",
    {
        **{name: SCORERS.builtin[name] for name in _MODELS if name in SCORERS.builtin},
        "fake": "tamis.testing.fake_chooser:FakeChooser",
    },
)
"""Models that choose among labels or write: scorers that can do both, and anybody's by an entry point."""


class Ask(NamedTuple):
    """Prompts whose next token is asked for, one list of labels each; or, without ``labels``, texts to be written.

    ``until`` is the monotonic time at which waiting for the replies ends.
    """

    prompts: tuple[Prompt, ...]
    labels: tuple[tuple[str, ...], ...] | None
    max_tokens: int = 64
    until: float | None = None


class Reply(NamedTuple):
    """What the model replied to one prompt: a number or None for each label, or its text; else why there is none."""

    value: Any = None
    reason: str | None = None


def ask_all(model: Any, asks: Sequence[Ask]) -> list[list[Reply]]:
    """One call for everything that is asked; the replies for each ask, in its order.

    Asks that fail together are repeated each by itself, so that one broken prompt costs no other query its reply.
    Raises what BROKEN_SETUP lists, and nothing else.
    """
    try:
        return split(_call(model, asks), asks)
    except BROKEN_SETUP:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a model raises, no candidate may be lost
        if len(asks) == 1:
            return [failed(asks[0], error)]
    return [ask_all(model, [ask])[0] for ask in asks]


async def aask_all(model: Any, asks: Sequence[Ask]) -> list[list[Reply]]:
    """The same as ``ask_all``, the event loop free while it waits."""
    try:
        return split(await _acall(model, asks), asks)
    except BROKEN_SETUP:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a model raises, no candidate may be lost
        if len(asks) == 1:
            return [failed(asks[0], error)]
    return [(await aask_all(model, [ask]))[0] for ask in asks]


def _call(model: Any, asks: Sequence[Ask]) -> Sequence[Any]:
    prompts, labels, max_tokens = joined(asks)
    found: Sequence[Any]
    found = model.write(prompts, max_tokens) if labels is None else model.choose(prompts, labels)
    return found


async def _acall(model: Any, asks: Sequence[Ask]) -> Sequence[Any]:
    prompts, labels, max_tokens = joined(asks)
    found: Sequence[Any]
    found = await (model.awrite(prompts, max_tokens) if labels is None else model.achoose(prompts, labels))
    return found


def joined(asks: Sequence[Ask]) -> tuple[list[Prompt], list[tuple[str, ...]] | None, int]:
    """All prompts and labels of asks of one kind, in order."""
    prompts = [prompt for ask in asks for prompt in ask.prompts]
    max_tokens = max(ask.max_tokens for ask in asks)
    if asks[0].labels is None:
        return prompts, None, max_tokens
    return prompts, [labels for ask in asks for labels in ask.labels or ()], max_tokens


def split(values: Sequence[Any], asks: Sequence[Ask]) -> list[list[Reply]]:
    """The replies for each ask. Raises ScorerError where their number is not that of the prompts."""
    expected = sum(len(ask.prompts) for ask in asks)
    if len(values) != expected:
        raise ScorerError(f"the model gave {len(values)} replies to {expected} prompts; it must give one each")
    found: list[list[Reply]] = []
    start = 0
    for ask in asks:
        own = values[start : start + len(ask.prompts)]
        start += len(ask.prompts)
        if ask.labels is None:
            found.append([_text(value) for value in own])
        else:
            found.append([_choice(value, labels) for value, labels in zip(own, ask.labels, strict=True)])
    return found


def _text(value: Any) -> Reply:
    return Reply(value) if isinstance(value, str) else Reply(reason="the model wrote nothing")


def _choice(value: Any, labels: Sequence[str]) -> Reply:
    try:
        numbers = checked_scores(value, len(labels))
    except (TypeError, ScorerError):
        size = len(value) if isinstance(value, Sequence) else "no"
        return Reply(reason=f"the model gave {size} numbers for {len(labels)} labels")
    if all(number is None for number in numbers):
        return Reply(reason="the model told of none of the labels")
    return Reply(numbers)


def failed(ask: Ask, error: Exception) -> list[Reply]:
    """The replies to an ask that raised."""
    count("failures", len(ask.prompts))
    return [Reply(reason=one_line(error))] * len(ask.prompts)


def best_first(numbers: Sequence[float | None]) -> list[int]:
    """Places of the labels that the model told of, likeliest first; ties keep their order.

    >>> best_first([0.5, None, 2.0])
    [2, 0]
    """
    told = [(-number, at) for at, number in enumerate(numbers) if number is not None]
    return [at for _, at in sorted(told)]


def model_name(model: Any) -> str:
    """What a chooser or writer is called in events: its own name, or its registered or class name and its model's."""
    own = getattr(model, "name", None)
    if isinstance(own, str) and own:
        return own
    try:
        kind = CHOOSERS.name_of(model)
    except UnknownComponent:
        kind = type(model).__name__
    which = getattr(model, "model", None)
    return f"{kind}:{which}" if isinstance(which, str) and which else kind


def can_choose(model: Any) -> bool:
    """Whether it is an object with the methods of a Chooser."""
    return not isinstance(model, type) and isinstance(model, Chooser)


def can_write(model: Any) -> bool:
    """Whether it is an object with the methods of a Writer."""
    return not isinstance(model, type) and isinstance(model, Writer)
