"""The contexts of a conflict set: one that is beside the point, and none at all."""

from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar, Literal, get_args

from tamis.core.errors import BadSetting

from ..case import Case, Document
from .answers import holds_answer
from .attack import Attacked, Changes, NotApplicable
from .material import Material
from .strength import share

ContextKind = Literal["irrelevant", "empty"]


@dataclass(frozen=True)
class Context:
    """Takes a case's own documents away, and puts documents about something else in their place if ``irrelevant``.

    After KnowPO (2024): with "irrelevant" each document becomes another of the pool that holds no accepted answer;
    with "empty" nothing is left. What a model answers then comes from elsewhere. The control leaves all as it is.
    """

    kind: ContextKind = "irrelevant"

    source: ClassVar[str] = (
        "Zhang et al. 2024, KnowPO: Knowledge-aware Preference Optimization for Controllable Knowledge Selection"
    )
    changes: ClassVar[frozenset[Changes]] = frozenset({"documents"})
    strengths: ClassVar[tuple[float, ...]] = (1.0,)
    unit: ClassVar[str] = "share of the case's own documents"

    def __post_init__(self) -> None:
        if self.kind not in get_args(ContextKind):
            raise BadSetting(f"a context is irrelevant or empty, not {self.kind!r}")

    @property
    def name(self) -> str:
        """The attack, and its kind where the context is empty."""
        return "context" if self.kind == "irrelevant" else "context-empty"

    @property
    def goal(self) -> str:
        """What it tries to bring about."""
        if self.kind == "empty":
            return "Show what is answered without any context."
        return "Bring words of a context that is beside the point into the answer."

    def apply(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """The case with another context. Raises NotApplicable without documents of its own, or others to take."""
        if not case.documents:
            raise NotApplicable("the case has no documents of its own to take away")
        if share(strength, self.unit) < 1:
            return Attacked(case.query)
        if self.kind == "empty":
            return Attacked(case.query, changed={one.id: None for one in case.documents}, realised=1.0)
        own = {one.id for one in case.documents} | {one.content for one in case.documents}
        found = [
            one
            for one in material.drawn(20 + 5 * len(case.documents), rng)
            if one.id not in own and one.content not in own and not holds_answer(one.content.text, case.answers)
        ]
        if len(found) < len(case.documents):
            raise NotApplicable("the pool has too few documents that are about something else")
        changed: dict[str, Document | None] = {
            document.id: replace(other, id=document.id, planted=self.name)
            for document, other in zip(case.documents, found, strict=False)
        }
        return Attacked(case.query, changed=changed, realised=1.0)

    def control(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """The case as it is."""
        self.apply(case, strength, material, rng)
        return Attacked(case.query, realised=share(strength, self.unit))
