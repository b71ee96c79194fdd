"""Reads the next token's log-probabilities from an OpenAI-style chat answer."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tamis.models.http.errors import BadAnswer, WrongDialect, shortened

from .dialect import is_number

_NEVER = -1000.0
"""Servers write -9999 for a probability of 0, since JSON has no infinity."""


_LEAST_REST = 1e-5
"""Servers round: less than this cannot be told from what is left of a probability of 1."""


class Next(NamedTuple):
    """The likeliest next tokens and their log-probabilities."""

    known: Mapping[str, float]

    def of(self, label: str) -> float | None:
        """The log-probability of a label: of the token that is exactly it, or that is it but for white space."""
        if label in self.known:
            return self.known[label]
        spaced = [value for token, value in self.known.items() if token.strip(" \n\t▁Ġ") == label]
        return max(spaced, default=None)

    def ceiling(self) -> float:
        """What no token that was left out can exceed: the least likely one given, and the rest of the probability."""
        rest = 1.0 - sum(math.exp(value) for value in self.known.values())
        return min(*self.known.values(), math.log(max(rest, _LEAST_REST)))


def message_of(answer: Any, where: str) -> Mapping[str, Any]:
    """The first choice. Raises WrongDialect."""
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise WrongDialect(
            f'{where} answered {shortened(repr(answer))!r}, not an object with "choices"; it speaks another dialect'
        )
    first: Mapping[str, Any] = choices[0]
    return first


def next_token(answer: Any, where: str) -> Next:
    """The first token's alternatives. Raises WrongDialect, and BadAnswer where there are none, or NaN among them."""
    choice = message_of(answer, where)
    logprobs = choice.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(content, list) or not content or not isinstance(content[0], dict):
        raise BadAnswer(
            f"{where} answered without logprobs: {shortened(repr(choice))!r}; the server or the model may not give any"
        )
    rows = content[0].get("top_logprobs")
    known: dict[str, float] = {}
    for row in [*(rows if isinstance(rows, list) else []), content[0]]:
        token: Any = row.get("token") if isinstance(row, dict) else None
        value: Any = row.get("logprob") if isinstance(row, dict) else None
        if not isinstance(token, str) or not is_number(value) or not value <= 1e-3:
            raise BadAnswer(
                f"{where} answered the log-probability {shortened(repr(value))} for {shortened(repr(token))}"
            )
        if value > _NEVER:
            # Two tokens may be written alike; the likelier one is the label.
            known[token] = max(min(0.0, float(value)), known.get(token, float("-inf")))
    if not known:
        raise BadAnswer(f"{where} answered no log-probability that is a number")
    return Next(known)


def by_label(answer: Any, labels: Sequence[str], where: str, tokens: Mapping[str, int]) -> list[float | None]:
    """The log-probability of each label, None for those not told of.

    ``tokens`` are the labels' token ids, where the server was asked for these: then it names them "token_id:N".
    """
    found = next_token(answer, where)
    if tokens:
        return [found.known.get(f"token_id:{tokens[label]}") for label in labels]
    return [found.of(label) for label in labels]
