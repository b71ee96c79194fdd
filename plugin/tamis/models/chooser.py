"""The seams for models that order several candidates at once: which label comes next, and what is written."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from .template import Prompt


@runtime_checkable
class Chooser(Protocol):
    """Says how likely each of several labels is the next token after a prompt.

    For each prompt one log-probability or logit for each of its labels, in order, higher is likelier; only
    differences within one prompt mean anything. ``None`` for a label that the model did not tell of (servers give the
    best few), and for all of them where the prompt failed. A label is a short string such as "A" that must be a single
    token of the model; BadSetting otherwise.
    """

    def choose(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]]) -> list[list[float | None]]: ...

    async def achoose(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]]) -> list[list[float | None]]: ...


@runtime_checkable
class Writer(Protocol):
    """Continues prompts: for each the text that the model writes (greedily), or None where it failed."""

    def write(self, prompts: Sequence[Prompt], max_tokens: int = 64) -> list[str | None]: ...

    async def awrite(self, prompts: Sequence[Prompt], max_tokens: int = 64) -> list[str | None]: ...
