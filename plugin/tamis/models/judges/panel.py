"""Several judges as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from tamis.core.content import Content
from tamis.core.errors import BadSetting

from ..judge import Verdict
from .agreement import DISPUTED
from .reading import checked_pairs

Rule = Literal["mean", "majority", "unanimous"]


@dataclass(frozen=True)
class Panel:
    """P over several judges, of those that have a verdict.

    ``rule``: "mean" of their P; "majority", the share of them that support (even odds or more), disputed where both
    sides have as many; "unanimous", the mean where all are on one side, otherwise disputed. Fewer than ``quorum``
    verdicts are none, and the reason says what the others said.
    """

    judges: Sequence[Any]
    rule: Rule = "mean"
    quorum: int = 2

    def __post_init__(self) -> None:
        from . import JUDGES

        if isinstance(self.judges, str) or len(self.judges) < 2:
            raise BadSetting("a panel has at least two judges")
        if self.rule not in get_args(Rule):
            raise BadSetting(f'the rule of a panel is "{self.rule}"; it must be one of {", ".join(get_args(Rule))}')
        if not 1 <= self.quorum <= len(self.judges):
            raise BadSetting(f"the quorum of {len(self.judges)} judges lies between 1 and them all, not {self.quorum}")
        object.__setattr__(self, "judges", tuple(JUDGES.build(judge) for judge in self.judges))

    @property
    def name(self) -> str:
        """The rule and the judges' names."""
        return f"{self.rule}({', '.join(judge.name for judge in self.judges)})"

    def settings(self) -> dict[str, Any]:
        """Its settings as JSON."""
        from . import JUDGES

        return {"judges": [JUDGES.spec(judge) for judge in self.judges], "rule": self.rule, "quorum": self.quorum}

    def judge(self, claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> list[Verdict]:
        """One verdict for each claim."""
        checked_pairs(claims, evidence)
        columns = [judge.judge(claims, evidence) for judge in self.judges]
        return [self.joined(row) for row in zip(*columns, strict=True)] if claims else []

    def joined(self, verdicts: Sequence[Verdict]) -> Verdict:
        """What the judges' verdicts on one claim come to."""
        found = [verdict.supported for verdict in verdicts if verdict.supported is not None]
        if len(found) < self.quorum:
            silent = [
                f"{judge.name}: {verdict.reason}"
                for judge, verdict in zip(self.judges, verdicts, strict=True)
                if verdict.supported is None
            ]
            return Verdict(None, f"{len(found)} of {len(verdicts)} judges have a verdict; {'; '.join(silent)}")
        supporting = sum(value >= 0.5 for value in found)
        told = f"{supporting} of {len(found)} judges support it"
        if self.rule == "mean":
            return Verdict(sum(found) / len(found), told)
        if self.rule == "unanimous":
            is_one_side = supporting in (0, len(found))
            return Verdict(sum(found) / len(found), told) if is_one_side else Verdict(None, f"{DISPUTED}: {told}")
        if 2 * supporting == len(found):
            return Verdict(None, f"{DISPUTED}: {told}")
        return Verdict(supporting / len(found), told)
