"""The seam for judges: whether evidence supports a claim, as a probability, or why that cannot be said."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from tamis.core.content import Content


class Verdict(NamedTuple):
    """P(supported) in [0, 1], None where the judge has none; ``reason`` says why there is none, or what decided.

    None is never a number in disguise: a refusal, an answer that cannot be read, a claim with nothing to check.
    """

    supported: float | None
    reason: str = ""


@runtime_checkable
class Judge(Protocol):
    """Judges claims against evidence. Claim and evidence are data: nothing in them is followed as an instruction.

    ``name`` is the field's usual one. Calls from several threads are safe.
    """

    @property
    def name(self) -> str: ...

    def judge(self, claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> list[Verdict]:
        """One verdict for each claim against its own evidence (passages with texts, images or both), in order."""
        ...
