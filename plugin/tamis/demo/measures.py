"""What one answer of a pipeline is worth, and all of them together: the seven numbers of the demo."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, get_args

from tamis.eval.stats import Interval, mean_interval, paired_difference, paired_rate_difference, rate_interval

from .questions import Question

Measure = Literal[
    "gold_recall",
    "context_precision",
    "context_f1",
    "abstained_unanswerable",
    "abstained_answerable",
    "tokens_to_llm",
    "ms_per_query",
]
MEASURES: tuple[Measure, ...] = get_args(Measure)


class Answer(NamedTuple):
    """What a pipeline gave for one question: passage ids in order, their tokens, the milliseconds it took."""

    question: Question
    returned: tuple[str, ...]
    tokens: int
    milliseconds: float

    @property
    def found(self) -> int:
        """How many of the returned passages answer the question."""
        return len(self.question.gold & set(self.returned))


def gold_recall(answer: Answer) -> float:
    """Share of the passages that answer an answerable question which were returned; in [0, 1], higher is better."""
    return answer.found / len(answer.question.gold)


def context_precision(answer: Answer) -> float:
    """Share of the returned passages that answer the question, 0 where none was returned; higher is better."""
    return answer.found / len(answer.returned) if answer.returned else 0.0


def context_f1(answer: Answer) -> float:
    """2 found / (returned + gold), in [0, 1]; where nothing answers the question 1 for nothing returned, else 0."""
    if not answer.question.answerable:
        return float(not answer.returned)
    return 2 * answer.found / (len(answer.returned) + len(answer.question.gold))


def abstained(answer: Answer) -> float:
    """1 when nothing was returned."""
    return float(not answer.returned)


class _Kind(NamedTuple):
    """How a measure is taken: of one answer, and on which questions (None: on all)."""

    value: Callable[[Answer], float]
    answerable: bool | None
    is_rate: bool = False
    is_share: bool = True


_KINDS: dict[Measure, _Kind] = {
    "gold_recall": _Kind(gold_recall, True),
    "context_precision": _Kind(context_precision, True),
    "context_f1": _Kind(context_f1, None),
    "abstained_unanswerable": _Kind(abstained, False, is_rate=True),
    "abstained_answerable": _Kind(abstained, True, is_rate=True),
    "tokens_to_llm": _Kind(lambda answer: answer.tokens, None, is_share=False),
    "ms_per_query": _Kind(lambda answer: answer.milliseconds, None, is_share=False),
}


def measured(measure: Measure, answers: Sequence[Answer], *, seed: int) -> Interval:
    """A measure over the questions it is defined on: exact for a rate, bootstrapped for a mean."""
    values = _values(measure, answers)
    if _KINDS[measure].is_rate:
        return rate_interval(round(sum(values)), len(values))
    return mean_interval(values, seed=seed, within=(0, 1) if _KINDS[measure].is_share else None)


def difference(measure: Measure, answers: Sequence[Answer], baseline: Sequence[Answer], *, seed: int) -> Interval:
    """A measure minus the baseline's on the same questions, paired question by question."""
    mine, theirs = _values(measure, answers), _values(measure, baseline)
    if _KINDS[measure].is_rate:
        return paired_rate_difference([value == 1 for value in mine], [value == 1 for value in theirs])
    return paired_difference(mine, theirs, seed=seed, within=(-1, 1) if _KINDS[measure].is_share else None)


def _values(measure: Measure, answers: Sequence[Answer]) -> list[float]:
    kind = _KINDS[measure]
    wanted = [answer for answer in answers if kind.answerable in (None, answer.question.answerable)]
    return [kind.value(answer) for answer in wanted]
