"""A model whose next token is read as a judge: the log-odds of yes against no, images as evidence."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tamis.core.content import Content
from tamis.core.errors import BROKEN_SETUP, BadSetting, TamisError

from ..chooser import Chooser
from ..judge import Verdict
from ..template import Prompt
from .asking import OVERRULED, Order, checked_order, control, nothing_to_ask, question
from .framing import wording
from .logistic_function import sigmoid
from .reading import checked_pairs

WORDING = "yes_no"
NOT_TOLD = "the model did not tell how likely both labels are"


@dataclass(frozen=True)
class ChooserJudge:
    """P = sigmoid(log p(Yes) - log p(No)) of the next token after the question.

    ``chooser`` is a Chooser (an MLLM in this process, in vLLM, or behind a chat server) or a scorer's name and
    settings; it sees the evidence's images. Claim and evidence stand between marks that they cannot close. With
    ``has_control`` a claim that nothing supports is asked about the same evidence: a judge that gives it even odds or
    more was talked over, or says yes to everything, and has no verdict on that evidence. ``max_characters`` are kept
    of each side.
    """

    chooser: Any
    order: Order = "evidence first"
    has_control: bool = True
    max_characters: int = 24_000

    def __post_init__(self) -> None:
        checked_order(self.order)
        built = self.chooser
        if isinstance(built, str | dict):
            from .. import SCORERS

            built = SCORERS.build(built)
        if not isinstance(built, Chooser):
            raise BadSetting(
                f"a {type(built).__name__} cannot say how likely a label is; a judge by yes and no needs that"
            )
        object.__setattr__(self, "chooser", built)

    @property
    def name(self) -> str:
        """Its name."""
        return "chooser"

    def settings(self) -> dict[str, Any]:
        """Its settings as JSON."""
        from .. import SCORERS

        own = {"order": self.order, "has_control": self.has_control, "max_characters": self.max_characters}
        return {"chooser": SCORERS.spec(self.chooser), **own}

    def judge(self, claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> list[Verdict]:
        """One verdict for each claim. A model that fails gives none, with its error as the reason.

        Raises what BROKEN_SETUP lists, such as ModelUnavailable.
        """
        checked_pairs(claims, evidence)
        verdicts = [nothing_to_ask(claim, passages) for claim, passages in zip(claims, evidence, strict=True)]
        asked = [at for at, verdict in enumerate(verdicts) if verdict is None]
        if not asked:
            return [verdict or Verdict(None) for verdict in verdicts]
        controls = list(dict.fromkeys(tuple(evidence[at]) for at in asked)) if self.has_control else []
        frames = [question(WORDING, claims[at], evidence[at], self.order, self.max_characters) for at in asked]
        frames += [control(WORDING, passages, self.order, self.max_characters) for passages in controls]
        found = self._probabilities([frame.prompt for frame in frames])
        overruled = {
            passages
            for passages, one in zip(controls, found[len(asked) :], strict=True)
            if one.supported is not None and one.supported >= 0.5
        }
        for at, verdict in zip(asked, found, strict=False):
            verdicts[at] = Verdict(None, OVERRULED) if tuple(evidence[at]) in overruled else verdict
        return [verdict or Verdict(None, NOT_TOLD) for verdict in verdicts]

    def _probabilities(self, prompts: Sequence[Prompt]) -> list[Verdict]:
        yes, no = wording(WORDING)["labels"]
        try:
            chosen = self.chooser.choose(prompts, [[yes, no]] * len(prompts))
        except BROKEN_SETUP:
            raise
        except TamisError as error:
            return [Verdict(None, str(error))] * len(prompts)
        verdicts = []
        for row in chosen:
            if None in row or not all(math.isfinite(value) for value in row):
                verdicts.append(Verdict(None, NOT_TOLD))
            else:
                verdicts.append(Verdict(sigmoid(row[0] - row[1]), f"the next token, {yes} against {no}"))
        return verdicts
