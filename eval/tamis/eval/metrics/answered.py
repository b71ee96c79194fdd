"""The answer as metrics of answers take it: its text, or why there is nothing to judge."""

from collections.abc import Sequence

from tamis.models.refusal import answer_class

from ..attacks.answers import normalised
from ..outcome import Unscored
from .metric import Observed

NO_ANSWER = Unscored("the target gives no answer")
EMPTY = Unscored("the answer is empty")
REFUSED = Unscored("the answer is a refusal")


def answer_of(seen: Observed) -> str | Unscored:
    """The answer's text. Unscored for none, an empty one and a full refusal.

    A refusal that is among the accepted answers ("insufficient information") is an answer.
    """
    answer = seen.trace.answer
    if answer is None:
        return NO_ANSWER
    found = answer_class(answer.text)
    if found == "empty":
        return EMPTY
    if found == "refused" and normalised(answer.text) not in {normalised(one) for one in seen.case.answers}:
        return REFUSED
    return answer.text


def accepted(seen: Observed) -> Sequence[str]:
    """Accepted answers that hold a word: the others cannot be compared."""
    return [answer for answer in seen.case.answers if normalised(answer)]
