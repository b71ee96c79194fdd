"""Unrelated facts beside an image."""

from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar, Literal

from tamis.core.content import Content
from tamis.core.errors import BadSetting

from ..case import Case, Document
from .answers import holds_answer
from .attack import Attacked, Changes, NotApplicable
from .counted import Counted
from .filler import joined, unrelated
from .gold import concerned
from .material import Material
from .wordings import wordings


@dataclass(frozen=True)
class InterferenceText(Counted):
    """Adds unrelated facts to what is shown: to passages with an image, or to a query with one.

    Modality interference (Cai et al. 2025). ``where`` is "documents" (the relevant ones of the case's own that have an
    image, all with one where none is known relevant) or "query". The control adds as much text that says nothing.
    """

    where: Literal["documents", "query"] = "documents"

    goal: ClassVar[str] = "Change what a model sees in an image by text that has nothing to do with it."
    source: ClassVar[str] = "Cai et al. 2025, Diagnosing and Mitigating Modality Interference in Multimodal LLMs"
    strengths: ClassVar[tuple[float, ...]] = (1.0, 5.0, 10.0)
    unit: ClassVar[str] = "unrelated facts"

    def __post_init__(self) -> None:
        if self.where not in ("documents", "query"):
            raise BadSetting(f"where must be documents or query, not {self.where!r}")

    @property
    def name(self) -> str:
        """The attack, and where it strikes if not in documents."""
        return "interference-text" if self.where == "documents" else "interference-text-query"

    @property
    def changes(self) -> frozenset[Changes]:
        """The query or the documents."""
        return frozenset({self.where})

    def _made(self, case: Case, count: int, material: Material, rng: Random, *, is_harmful: bool) -> Attacked:
        shown = [one for one in concerned(case) if one.content.images]
        if self.where == "documents" and not shown:
            raise NotApplicable("the case has no documents of its own with an image")
        if self.where == "query" and not case.query.images:
            raise NotApplicable("the query has no image")
        own = " ".join(document.content.text for document in case.documents)
        others = unrelated(8 + count, material, rng)
        facts = [fact for fact in others if fact not in own and not holds_answer(fact, case.answers)][:count]
        if not count:
            return Attacked(case.query)
        added = joined(sum(map(len, facts)) + len(facts) - 1, facts, case.answers)
        if not is_harmful:
            neutral = list(wordings("neutral"))
            rng.shuffle(neutral)
            added = joined(len(added), neutral, case.answers)
        if self.where == "query":
            return Attacked(_beside(case.query, added), realised=float(len(facts)))
        changed: dict[str, Document | None] = {
            one.id: replace(one, content=_beside(one.content, added), planted=self.name) for one in shown
        }
        return Attacked(case.query, changed=changed, realised=float(len(facts)))


def _beside(content: Content, text: str) -> Content:
    return Content(f"{content.text} {text}".strip(), content.images)
