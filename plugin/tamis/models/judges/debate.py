"""A debate: two sides argue in turns, then a judge decides (Hsu et al. 2024, VHD11K; for support, for harm, for any
question that is answered by yes or no)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

from tamis.core.content import Content
from tamis.core.errors import BadSetting

from ..judge import Verdict
from .asking import nothing_to_ask
from .framing import Filling, Frame, evidence_filling, framed, wording
from .reading import checked_pairs
from .replies import REFUSED, declines_to_argue, label_in
from .writing import spec_of, writer_of, written

WORDING = "debate"
Side = Literal["for", "against"]
WithoutVerdict = Literal["none", "yes", "no"]

SUPPORT = "Does the material support everything that this claim says? The claim stands at the end of the material."
_ANSWER = {"for": "YES", "against": "NO"}
_SPEAKER = {"for": "The side for YES said", "against": "The side for NO said"}


class Turn(NamedTuple):
    """What one side said; None with the reason where it said nothing."""

    side: Side
    text: str | None
    reason: str = ""


class Debated(NamedTuple):
    """The decision, yes (True) or no, None for none; why; and all turns in order."""

    decision: bool | None
    reason: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class Debate:
    """Decides a yes-or-no question about some material by a debate.

    Each round both sides speak once, ``first`` before the other, which is a parameter since judges lean to a place:
    measure both. ``writer`` argues and ``decider`` judges; each is what ``ChatJudge`` takes, the decider the writer
    where it is None. The judge's reply must begin with YES or NO, whole word, and hold the frame's code. A refusal at
    any stage, and a verdict that cannot be read, is ``without_verdict``: "none", or "yes" in tasks where a refusal is
    a sign of the yes side, such as harm. Material and what was said stand between marks that they cannot close.
    """

    writer: Any
    decider: Any = None
    rounds: int = 2
    first: Side = "for"
    without_verdict: WithoutVerdict = "none"
    turn_tokens: int = 500
    verdict_tokens: int = 100
    max_characters: int = 24_000

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise BadSetting(f"a debate has at least one round, not {self.rounds}")
        if self.first not in get_args(Side):
            raise BadSetting(f'first is "{self.first}"; it must be "for" or "against"')
        if self.without_verdict not in get_args(WithoutVerdict):
            raise BadSetting(f'without_verdict is "{self.without_verdict}"; it must be "none", "yes" or "no"')
        writer = writer_of(self.writer)
        object.__setattr__(self, "writer", writer)
        object.__setattr__(self, "decider", writer if self.decider is None else writer_of(self.decider))

    def settings(self) -> dict[str, Any]:
        """Its settings as JSON."""
        plain = ("rounds", "first", "without_verdict", "turn_tokens", "verdict_tokens", "max_characters")
        own = {name: getattr(self, name) for name in plain}
        return {"writer": spec_of(self.writer), "decider": spec_of(self.decider), **own}

    def held(self, question: str, material: Sequence[Content]) -> Debated:
        """One debate, to its end or to the first refusal."""
        turns: list[Turn] = []
        second: Side = "against" if self.first == "for" else "for"
        for _ in range(self.rounds):
            for side in (self.first, second):
                frame = self._frame("turn", question, material, turns, side)
                [reply] = written(self.writer, [frame.prompt], self.turn_tokens)
                if reply.text is None or not reply.text.strip():
                    turns.append(Turn(side, None, reply.reason or "the reply is empty"))
                elif declines_to_argue(reply.text):
                    turns.append(Turn(side, None, REFUSED))
                    return self._without(f"{REFUSED} to argue {side} it", turns)
                else:
                    turns.append(Turn(side, reply.text.strip()))
        if not any(turn.text for turn in turns):
            return Debated(None, f"neither side said anything: {turns[0].reason}", tuple(turns))
        frame = self._frame("verdict", question, material, turns, self.first)
        [reply] = written(self.decider, [frame.prompt], self.verdict_tokens)
        if reply.text is None:
            return Debated(None, reply.reason, tuple(turns))
        found = label_in(reply.text, wording(WORDING)["labels"], frame.code)
        if found.label is None:
            return self._without(f"the judge: {found.reason}", turns)
        return Debated(found.label == "YES", f"the judge replied {found.label}", tuple(turns))

    def _without(self, reason: str, turns: Sequence[Turn]) -> Debated:
        decision = {"none": None, "yes": True, "no": False}[self.without_verdict]
        told = reason if decision is None else f'{reason}; counted as "{self.without_verdict}"'
        return Debated(decision, told, tuple(turns))

    def _frame(
        self, stage: str, question: str, material: Sequence[Content], turns: Sequence[Turn], side: Side
    ) -> Frame:
        texts = wording(WORDING)
        blocks, fillings = [], {"material": evidence_filling(material, self.max_characters)}
        for at, turn in enumerate(turns):
            if turn.text is not None:
                blocks.append(f"{_SPEAKER[turn.side]}:\n<<{{fence}}>>\n{{turn{at}}}\n<</{{fence}}>>\n\n")
                fillings[f"turn{at}"] = Filling(turn.text[: 8 * self.turn_tokens], "passage")
        user = str(texts[stage]).replace("{said}", "".join(blocks))
        return framed(user, str(texts["system"]), fillings, {"question": question, "side": _ANSWER[side]})


@dataclass(frozen=True)
class DebateJudge:
    """Judges claims by debates: P = 1 for yes, 0 for no, None for no decision. Six replies a claim with two rounds."""

    debate: Any

    def __post_init__(self) -> None:
        if isinstance(self.debate, dict):
            object.__setattr__(self, "debate", Debate(**self.debate))
        elif not isinstance(self.debate, Debate):
            object.__setattr__(self, "debate", Debate(self.debate))

    @property
    def name(self) -> str:
        """Its name."""
        return "debate"

    def settings(self) -> dict[str, Any]:
        """Its settings as JSON."""
        return {"debate": self.debate.settings()}

    def judge(self, claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> list[Verdict]:
        """One verdict for each claim; the claim is put behind its evidence, as part of the material."""
        checked_pairs(claims, evidence)
        return [self._one(claim, passages) for claim, passages in zip(claims, evidence, strict=True)]

    def _one(self, claim: str, passages: Sequence[Content]) -> Verdict:
        if (verdict := nothing_to_ask(claim, passages)) is not None:
            return verdict
        held = self.debate.held(SUPPORT, (*passages, Content(f"The claim: {claim.strip()}")))
        return Verdict(None if held.decision is None else float(held.decision), held.reason)
