"""Any scorer as a judge: its log-odds of "relevant" for the claim as the query, taken for those of "supported"."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from tamis.core.content import Content
from tamis.core.errors import BROKEN_SETUP, BadSetting, TamisError

from ..judge import Verdict
from ..scorer import Scorer, checked_scores
from ..template import Template
from .asking import nothing_to_ask
from .logistic_function import sigmoid
from .reading import checked_pairs


@dataclass(frozen=True)
class ScorerJudge:
    """P = sigmoid(log-odds) of a scorer that is given the claim as its query and all evidence as one passage.

    A scorer that judges relevance says how much the evidence is about the claim, which is less than supporting it: give
    one that takes a template ``support_template()``, or a model that was trained for entailment. ``bias`` is added to
    the log-odds. Images of the evidence go with it, where the scorer sees.
    """

    scorer: Any
    bias: float = 0.0

    def __post_init__(self) -> None:
        from .. import SCORERS

        built = SCORERS.build(self.scorer)
        if not isinstance(built, Scorer):
            raise BadSetting(f"a {type(built).__name__} is no scorer: it has no score method")
        object.__setattr__(self, "scorer", built)

    @property
    def name(self) -> str:
        """Its name."""
        return "scorer"

    def settings(self) -> dict[str, Any]:
        """Its settings as JSON."""
        from .. import SCORERS

        return {"scorer": SCORERS.spec(self.scorer), "bias": self.bias}

    def judge(self, claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> list[Verdict]:
        """One verdict for each claim. A scorer that fails on a claim gives none, with its error as the reason.

        Raises what BROKEN_SETUP lists, such as ModelUnavailable.
        """
        checked_pairs(claims, evidence)
        return [self._one(claim, passages) for claim, passages in zip(claims, evidence, strict=True)]

    def _one(self, claim: str, passages: Sequence[Content]) -> Verdict:
        if (verdict := nothing_to_ask(claim, passages)) is not None:
            return verdict
        text = "\n\n".join(passage.text.strip() for passage in passages if passage.text.strip())
        whole = Content(text, tuple(image for passage in passages for image in passage.images))
        try:
            [score] = checked_scores(self.scorer.score(Content(claim), [whole]), 1)
        except BROKEN_SETUP:
            raise
        except TamisError as error:
            return Verdict(None, str(error))
        if score is None:
            return Verdict(None, "the scorer gave no score")
        return Verdict(sigmoid(score + self.bias), "the scorer's log-odds")


def support_template() -> Template:
    """The template that asks a reranking model whether a passage supports a claim, not whether it is relevant."""
    text = (files("tamis.models.judges") / "wordings" / "support_template.toml").read_text(encoding="utf-8")
    return Template.from_toml(text, "support_template.toml")
