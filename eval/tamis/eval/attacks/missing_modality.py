"""Text or images taken away."""

from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar, Literal

from tamis.core.content import Content
from tamis.core.errors import BadSetting

from ..case import Case, Document
from .attack import Attacked, Changes, NotApplicable
from .material import Material
from .strength import part_of, share


@dataclass(frozen=True)
class MissingModality:
    """Takes the text or the images from a share of the case's own documents that have both (or from the query).

    Missing modality (Swamy et al. 2023, MultiModN). What has only one modality stays. The control takes it from as
    many documents that are not relevant, as far as there are such; for the query it changes nothing, and shows what
    differs between two runs.
    """

    modality: Literal["image", "text"] = "image"
    where: Literal["documents", "query"] = "documents"

    goal: ClassVar[str] = "Find out whether one modality is enough when the other is missing."
    source: ClassVar[str] = "Swamy et al. 2023, MultiModN: Multimodal, Multi-Task, Interpretable Modular Networks"
    strengths: ClassVar[tuple[float, ...]] = (0.5, 1.0)
    unit: ClassVar[str] = "share of what has both modalities"

    def __post_init__(self) -> None:
        if self.modality not in ("image", "text"):
            raise BadSetting(f"modality must be image or text, not {self.modality!r}")
        if self.where not in ("documents", "query"):
            raise BadSetting(f"where must be documents or query, not {self.where!r}")

    @property
    def name(self) -> str:
        """The attack, and what is missing and where if not the image in documents."""
        modality = "" if self.modality == "image" else "-text"
        return f"missing-modality{modality}{'' if self.where == 'documents' else '-query'}"

    @property
    def changes(self) -> frozenset[Changes]:
        """The query or the documents."""
        return frozenset({self.where})

    def apply(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """The case without it. Raises NotApplicable where nothing has both modalities, or the share is none of it."""
        part = share(strength, self.unit)
        if self.where == "query":
            if not _has_both(case.query):
                raise NotApplicable("the query has not both text and image")
            # One query is there or not: half of it cannot be missing.
            return Attacked(self._without(case.query), realised=1.0) if part >= 0.5 else Attacked(case.query)
        both = self._both(case)
        count = self._count(part, both)
        return self._attacked(case, rng.sample(both, len(both))[:count], len(both))

    def control(self, case: Case, strength: float, material: Material, rng: Random) -> Attacked:
        """The same loss where it does no harm. Raises NotApplicable where every such document is relevant."""
        part = share(strength, self.unit)
        if self.where == "query":
            self.apply(case, strength, material, rng)
            return Attacked(case.query, realised=1.0 if part >= 0.5 else 0.0)
        both = self._both(case)
        count = self._count(part, both)
        harmless = [one for one in both if one.id not in case.gold]
        if count and not (case.gold and harmless):
            raise NotApplicable("no document with text and image is known to be irrelevant")
        return self._attacked(case, rng.sample(harmless, len(harmless))[:count], len(both))

    def _both(self, case: Case) -> list[Document]:
        if found := [one for one in case.documents if _has_both(one.content)]:
            return found
        raise NotApplicable("the case has no documents of its own with text and image")

    def _count(self, part: float, both: list[Document]) -> int:
        count = part_of(part, len(both))
        if part and not count:
            raise NotApplicable(f"{part:g} of {len(both)} documents with text and image is none")
        return count

    def _attacked(self, case: Case, chosen: list[Document], total: int) -> Attacked:
        changed: dict[str, Document | None] = {
            one.id: replace(one, content=self._without(one.content), planted=self.name) for one in chosen
        }
        return Attacked(case.query, changed=changed, realised=len(chosen) / total)

    def _without(self, content: Content) -> Content:
        return Content(content.text) if self.modality == "image" else Content(images=content.images)


def _has_both(content: Content) -> bool:
    return bool(content.images) and bool(content.text.strip())
