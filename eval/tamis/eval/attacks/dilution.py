"""On-topic sentences without an answer, added to what they are about."""

from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar, Literal

from tamis.core.content import Content
from tamis.core.errors import BadSetting

from ..case import Case, Document
from .answers import holds_answer
from .attack import Attacked, Changes, NotApplicable
from .counted import Counted
from .filler import fillers
from .gold import concerned
from .material import Material
from .sentences import sentences

_NEAR = 40


@dataclass(frozen=True)
class Dilution(Counted):
    """Appends sentences of other documents whose similarity to the text lies in ``[low, high]`` (Verma et al. 2022).

    None holds an accepted answer. ``where`` is "documents" (the relevant ones of the case's own, all where none is
    known) or "query". The control appends sentences at random, of equal length. The similarity is the pool's: with an
    embedder the band wants other bounds than with TF-IDF.
    """

    low: float = 0.1
    high: float = 0.8
    where: Literal["documents", "query"] = "documents"

    goal: ClassVar[str] = "Make evidence or question harder to recognise by plausible text that carries no answer."
    source: ClassVar[str] = (
        "Verma et al. 2022, Robustness of Fusion-based Multimodal Classifiers to Cross-Modal Content Dilutions"
    )
    strengths: ClassVar[tuple[float, ...]] = (1.0, 3.0, 5.0)
    unit: ClassVar[str] = "appended sentences"

    def __post_init__(self) -> None:
        if not -1 <= self.low < self.high <= 1:
            raise BadSetting(f"a band needs -1 <= low < high <= 1, not low = {self.low} and high = {self.high}")
        if self.where not in ("documents", "query"):
            raise BadSetting(f"where must be documents or query, not {self.where!r}")

    @property
    def name(self) -> str:
        """The attack, and where it strikes if not in documents."""
        return "dilution" if self.where == "documents" else "dilution-query"

    @property
    def changes(self) -> frozenset[Changes]:
        """The query or the documents."""
        return frozenset({self.where})

    def _made(self, case: Case, count: int, material: Material, rng: Random, *, is_harmful: bool) -> Attacked:
        targets = [Document("", case.query)] if self.where == "query" else concerned(case)
        if not targets:
            raise NotApplicable('the case has no documents of its own to dilute; where = "query" needs none')
        if not count:
            return Attacked(case.query)
        diluted: dict[str, Content] = {}
        sizes = []
        for document in targets:
            band = self._band(case, document, material, rng)[:count]
            if not band:
                continue
            added = " ".join(band)
            if not is_harmful:
                (added,) = fillers([len(added)], material, rng, case.answers)
            text = f"{document.content.text} {added}".strip()
            diluted[document.id] = Content(text, document.content.images)
            sizes.append(len(band))
        if not diluted:
            raise NotApplicable(f"no sentence of the pool has a similarity in [{self.low}, {self.high}]")
        realised = sum(sizes) / len(targets)
        if self.where == "query":
            return Attacked(diluted[""], realised=realised)
        changed: dict[str, Document | None] = {
            document.id: replace(document, content=diluted[document.id], planted=self.name)
            for document in targets
            if document.id in diluted
        }
        return Attacked(case.query, changed=changed, realised=realised)

    def _band(self, case: Case, document: Document, material: Material, rng: Random) -> list[str]:
        """Sentences in the band, in random order."""
        topic = document.content.text if document.content.text.strip() else case.query.text
        own = set(sentences(topic))
        skipped = case.gold | {document.id}
        near = [one for one in material.near(topic, _NEAR + len(skipped)) if one.id not in skipped]
        found = list(dict.fromkeys(one for other in near for one in sentences(other.content.text)))
        found = [one for one in found if one not in own and not holds_answer(one, case.answers)]
        likeness = material.similarity(topic, found)
        band = [one for one, like in zip(found, likeness, strict=True) if self.low <= like <= self.high]
        rng.shuffle(band)
        return band
