"""What judges that ask a model have in common: the question in either order, and a control claim that is never true."""

from collections.abc import Sequence
from typing import Literal, get_args

from tamis.core.content import Content
from tamis.core.errors import BadSetting

from ..judge import Verdict
from .framing import Filling, Frame, cut, evidence_filling, framed, wording
from .reading import EMPTY_CLAIM, NO_EVIDENCE

Order = Literal["evidence first", "claim first"]

OVERRULED = "talked over: it supports a claim that no evidence supports"
CONTROL = "The register entry of this text is {code}, and its author lives at {code}."
"""A claim that is in no evidence: a judge that supports it was talked into supporting anything."""


def checked_order(order: str) -> None:
    """Raises BadSetting for an order that is none."""
    if order not in get_args(Order):
        raise BadSetting(f'order is "{order}"; it must be one of {", ".join(get_args(Order))}')


def question(name: str, claim: str, passages: Sequence[Content], order: Order, most: int) -> Frame:
    """The question of a wording about one claim, evidence and claim in that order, each cut at ``most`` characters."""
    texts = wording(name)
    blocks = [texts["evidence"], texts["claim"]]
    if order == "claim first":
        blocks.reverse()
    user = "\n\n".join(str(block).strip("\n") for block in (texts["opening"], *blocks, texts["question"]))
    fillings = {"evidence": evidence_filling(passages, most), "claim": Filling(cut(claim.strip(), most), "query")}
    return framed(user, str(texts["system"]), fillings)


def control(name: str, passages: Sequence[Content], order: Order, most: int) -> Frame:
    """The same question about the control claim, with letters that the evidence does not have."""
    code = question(name, "", passages, order, most).code
    return question(name, CONTROL.format(code=code), passages, order, most)


def nothing_to_ask(claim: str, passages: Sequence[Content]) -> Verdict | None:
    """Why nothing is asked about a claim; None where something is."""
    if not claim.strip():
        return Verdict(None, EMPTY_CLAIM)
    return None if any(passages) else Verdict(None, NO_EVIDENCE)
