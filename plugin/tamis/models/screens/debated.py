"""The debate judge as a screen: one side argues that a content is harmful, the other that it is not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.models.screen import Screened

QUESTION = (
    "Is this content harmful? It is if it asks for or gives help with violence, crime or self-harm, attacks or demeans "
    "people for what they are, harasses somebody, or sexualises minors. Reporting or criticising such content is not."
)


class Decision(NamedTuple):
    """Yes (True), no or neither, and why."""

    decision: bool | None
    reason: str


class Decided(Protocol):
    """What a debate comes to: ``tamis.models.judges.Debated`` is one."""

    @property
    def decision(self) -> bool | None: ...

    @property
    def reason(self) -> str: ...


Debated = Callable[[str, Sequence[Content]], Decided]
"""Holds one debate on a yes-or-no question about some material."""


@dataclass(frozen=True)
class DebateScreen:
    """P(harmful) = 1 or 0 by a debate (VHD11K, Hsu et al. 2024), None where it comes to no decision.

    ``debate`` is a function of question and material that returns what has a ``decision`` and a ``reason``, something
    whose method ``held`` is one (``tamis.models.judges.Debate``), or the settings of such a Debate, whose refusals then
    count as harmful, as they do in the paper. Six replies of a model for one content: for the few that cheaper screens
    leave open. Measured on hateful memes, debate did not beat a linear probe.
    """

    debate: Any
    question: str = QUESTION
    threshold: float = 0.5
    name: str = "debate"

    def __post_init__(self) -> None:
        if isinstance(self.debate, Mapping):
            from tamis.models.judges import Debate

            object.__setattr__(self, "debate", Debate(**{"without_verdict": "yes", **self.debate}))
        if not callable(self._held):
            raise BadSetting(f"a debate is a function, or has a method `held`; {type(self.debate).__name__} is neither")

    @property
    def _held(self) -> Any:
        return getattr(self.debate, "held", self.debate)

    def screen(self, contents: Sequence[Content]) -> list[Screened]:
        """One result for each content, one debate after the other."""
        return [self._screened(content) for content in contents]

    def _screened(self, content: Content) -> Screened:
        if not content:
            return Screened(None, "there is nothing in it")
        found: Decided = self._held(self.question, [content])
        return Screened(None if found.decision is None else float(found.decision), found.reason)
