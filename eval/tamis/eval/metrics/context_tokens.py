"""How much text fed the answer, counted the same way for every pipeline."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..outcome import Outcome, Scored
from .metric import About, Observed
from .steps import NO_STEPS

_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0e7f"
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+|[^\w\s]")


@dataclass(frozen=True)
class ContextTokens:
    """Tokens of the passages that fed the answer; lower is cheaper. Images are not counted.

    A token is a word, a punctuation mark, or a character of a script without spaces. That is no model's count (see
    ``prompt_tokens`` for that), but it is the same for all. Unscored where no step is known.
    """

    name: ClassVar[str] = "context_tokens"
    about: ClassVar[About] = About(is_rate=False, higher_is_better=False, unit="tokens")

    def score(self, seen: Observed) -> Mapping[str, Outcome]:
        if not seen.trace.steps:
            return {self.name: NO_STEPS}
        return {self.name: Scored(sum(count_tokens(passage.content.text) for passage in seen.trace.context))}


def count_tokens(text: str) -> int:
    """Words, punctuation marks and characters of scripts without spaces.

    >>> count_tokens("It costs 3 euros, 東京!")
    8
    """
    return len(_TOKEN.findall(text))
